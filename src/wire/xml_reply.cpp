// SPDX-License-Identifier: Apache-2.0
#include "scalars.hpp"
#include "writer.hpp"
#include "xml_writer.hpp"

namespace karat::wire {

namespace {

void members(XmlWriter& xml, Shape const& shape, void const* object);

void one(XmlWriter& xml, std::string_view name, Member const& member, void const* value)
{
    if (member.field.kind != Kind::structure)
        return xml.element(name, write_text(member, value));
    xml.open(name);
    members(xml, *member.shape, value);
    xml.close(name);
}

void list(XmlWriter& xml, Member const& member, Seen const& seen)
{
    if (seen.count == 0)
        return xml.empty(member.out);
    xml.open(member.out);
    for (std::size_t i = 0; i < seen.count; ++i)
        one(xml, member.item, member, seen.at(i));
    xml.close(member.out);
}

void members(XmlWriter& xml, Shape const& shape, void const* object)
{
    for (auto const& member : shape.members) {
        auto const seen = see(member, object);
        if (member.field.form == Form::list && (seen.count > 0 || !member.only_filled))
            list(xml, member, seen);
        else if (member.field.form != Form::list && seen.count > 0)
            one(xml, member.out, member, seen.at(0));
    }
}

} // namespace

std::string write_ec2_reply(ReplyHead const& head, Shape const& shape, void const* object)
{
    auto const root = std::string(head.operation) + "Response";
    XmlWriter xml;
    xml.open(root, head.xmlns);
    xml.element("requestId", head.request_id);
    if (shape.members.empty())
        xml.element("return", "true");
    members(xml, shape, object);
    xml.close(root);
    return xml.take();
}

std::string write_query_reply(ReplyHead const& head, Shape const& shape, void const* object)
{
    auto const root = std::string(head.operation) + "Response";
    auto const result = std::string(head.operation) + "Result";
    XmlWriter xml;
    xml.open(root, head.xmlns);
    if (!shape.members.empty()) {
        xml.open(result);
        members(xml, shape, object);
        xml.close(result);
    }
    xml.open("ResponseMetadata");
    xml.element("RequestId", head.request_id);
    xml.close("ResponseMetadata");
    xml.close(root);
    return xml.take();
}

} // namespace karat::wire
