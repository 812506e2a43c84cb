// SPDX-License-Identifier: Apache-2.0
#include "karat/wire/errors.hpp"

#include "xml_writer.hpp"

#include "karat/json.hpp"

namespace karat::wire {

namespace {

ErrorReply reply(ErrorText const& error, char const* content_type, std::string body)
{
    return {error.status,
            content_type,
            std::move(body),
            {{"x-amzn-RequestId", std::string(error.request_id)}}};
}

constexpr char const* kXml = "text/xml;charset=UTF-8";

} // namespace

ErrorReply ec2_error(ErrorText const& error)
{
    XmlWriter xml;
    xml.open("Response");
    xml.open("Errors");
    xml.open("Error");
    xml.element("Code", error.code);
    xml.element("Message", error.message);
    xml.close("Error");
    xml.close("Errors");
    xml.element("RequestID", error.request_id);
    xml.close("Response");
    return reply(error, kXml, xml.take());
}

ErrorReply query_error(ErrorText const& error, std::string_view xmlns)
{
    XmlWriter xml;
    xml.open("ErrorResponse", xmlns);
    xml.open("Error");
    xml.element("Type", error.status < 500 ? "Sender" : "Receiver");
    xml.element("Code", error.code);
    xml.element("Message", error.message);
    xml.close("Error");
    xml.element("RequestId", error.request_id);
    xml.close("ErrorResponse");
    return reply(error, kXml, xml.take());
}

ErrorReply s3_error(ErrorText const& error)
{
    XmlWriter xml;
    xml.open("Error");
    xml.element("Code", error.code);
    xml.element("Message", error.message);
    xml.element("RequestId", error.request_id);
    xml.close("Error");
    return reply(error, "application/xml", xml.take());
}

ErrorReply json_error(ErrorText const& error)
{
    nlohmann::ordered_json const body{{"__type", error.code}, {"message", error.message}};
    return reply(error, "application/x-amz-json-1.1",
                 body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

ErrorReply rest_error(ErrorText const& error, std::string_view reason)
{
    nlohmann::ordered_json body{{"Message", error.message}};
    if (!reason.empty())
        body["Reason"] = reason;
    auto made = reply(error, "application/json",
                      body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    made.headers.emplace_back("x-amzn-ErrorType", error.code);
    return made;
}

} // namespace karat::wire
