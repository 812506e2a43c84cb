// SPDX-License-Identifier: Apache-2.0
// Turns the SDK's schemas into one of our compact models: the closure of the listed operations, less
// what differences.json leaves out, with the constraints that only our file knows carried over.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const modelPath = (service) => join(here, "../../src/wire/models", `${service}.json`);
export const readModel = (service) => JSON.parse(readFileSync(modelPath(service), "utf8"));
export const readDifferences = (service) =>
  JSON.parse(readFileSync(join(here, "differences.json"), "utf8"))[service] ?? {};

// What the SDK's schemas do not say, so an extraction must not lose it.
const OURS = /^(range|length|count|among|even_empty|refuse|only|advice|const)/;

const isVoid = (schema) => !Array.isArray(schema); // the SDK writes "unit"
const lowerFirst = (text) => text[0].toLowerCase() + text.slice(1);
const upperFirst = (text) => text[0].toUpperCase() + text.slice(1);

const PROTOCOLS = {
  ec2: {
    query: (member) => member.query ?? (member.xml ? upperFirst(member.xml) : member.name),
    xml: (member) => member.xml ?? member.name,
    defaultXml: lowerFirst,
    item: "item",
  },
  query: {
    query: (member) => member.xml ?? member.name,
    xml: (member) => member.xml ?? member.name,
    defaultXml: (name) => name,
    item: "member",
  },
  rest: { query: (member) => member.name, xml: (member) => member.name, defaultXml: (name) => name, item: null },
  json: { query: (member) => member.name, xml: (member) => member.name, defaultXml: (name) => name, item: null },
};

class Closure {
  constructor(sdk, ours, differences) {
    Object.assign(this, { sdk, ours, differences });
    this.rules = PROTOCOLS[ours.protocol];
    this.enums = {};
    this.reached = new Map(); // structure name -> { schema, request, reply }
    this.used = new Set(); // differences that were applied, so that stale ones show
  }

  leftOut(shape, member) {
    const listed = this.differences.left_out?.[shape] ?? [];
    if (!listed.includes(member)) return false;
    this.used.add(`left_out ${shape}.${member}`);
    return true;
  }

  visit(schema, direction) {
    const name = schema[2];
    const seen = this.reached.get(name) ?? { schema, request: false, reply: false };
    this.reached.set(name, seen);
    if (seen[direction]) return;
    seen[direction] = true;
    for (const member of this.sdk.members(schema)) {
      if (direction === "reply" && this.leftOut(name, member.name)) continue;
      let type = member.type;
      while (type.list) type = type.list;
      if (type.structure) this.visit(type.schema, direction);
    }
  }

  // The words after the type: required mark, enumeration, wire names, and what only we know.
  line(shape, member, direction, before) {
    const known = (before ?? "").split(" ");
    const words = [this.type(shape, member)];
    const enumeration = direction.request && this.enumeration(shape, member);
    if (enumeration) words.push(`enum=${enumeration}`);
    const { query, xml, defaultXml, item } = this.rules;
    if (direction.request && query(member) !== member.name) words.push(`query=${query(member)}`);
    if (direction.reply && xml(member) !== defaultXml(member.name)) words.push(`xml=${xml(member)}`);
    if (direction.reply && member.type.list && (member.type.item ?? "item") !== item && item === "item") {
      words.push(`item=${member.type.item}`);
    }
    if (this.ours.protocol === "rest" && member.place) words.push(member.place);
    return words.concat(known.filter((word) => OURS.test(word))).join(" ");
  }

  type(shape, member) {
    const render = (type) => (type.list ? `${render(type.list)}[]` : type.structure ?? type.simple);
    let text = render(member.type);
    const override = this.differences.types?.[`${shape}.${member.name}`];
    if (override) {
      this.used.add(`types ${shape}.${member.name}`);
      text = override;
    }
    const name = `${shape}.${member.name}`;
    const optional = this.differences.optional?.includes(name); // absent is refused in other words
    if (optional) this.used.add(`optional ${name}`);
    return text + (member.required && !optional ? "!" : "");
  }

  enumeration(shape, member) {
    const found = this.sdk.enumeration(shape, member.name);
    if (!found) return null;
    if (this.differences.open_enums?.includes(found.name)) {
      this.used.add(`open_enums ${found.name}`);
      return null;
    }
    this.enums[found.name] = found.values;
    return found.name;
  }

  members(schema, direction, before) {
    const shape = schema[2];
    const lines = {};
    for (const member of this.sdk.members(schema)) {
      if (member.name === "DryRun" && direction.request) continue; // on every operation, so said once
      if (!direction.request && this.leftOut(shape, member.name)) continue;
      lines[member.name] = this.line(shape, member, direction, before?.[member.name]);
    }
    return lines;
  }

  operation(name) {
    const found = this.sdk.operation(name);
    if (!found) throw new Error(`the SDK has no operation ${name}`);
    const before = this.ours.operations[name] ?? {};
    const http = this.ours.protocol === "rest" ? { http: found.http.join(" ") } : {};
    const own = { ...http, request: {}, reply: {} };
    if (!isVoid(found.request)) {
      own.request = this.members(found.request, { request: true }, before.request);
      this.nested(found.request, "request");
    }
    if (!isVoid(found.reply)) own.reply = this.reply(name, found.reply, before.reply);
    return own;
  }

  reply(name, schema, before) {
    if (!/(Result|Response|Output)$/.test(schema[2])) {
      this.visit(schema, "reply");
      return schema[2];
    }
    this.nested(schema, "reply");
    return this.members(schema, { reply: true }, before);
  }

  nested(schema, direction) {
    for (const member of this.sdk.members(schema)) {
      if (direction === "reply" && this.leftOut(schema[2], member.name)) continue;
      let type = member.type;
      while (type.list) type = type.list;
      if (type.structure) this.visit(type.schema, direction);
    }
  }

  model() {
    const { operations, structures, enums, ...head } = this.ours;
    const made = { ...head, operations: {}, structures: {}, enums: this.enums };
    for (const name of Object.keys(operations).sort()) made.operations[name] = this.operation(name);
    for (const name of [...this.reached.keys()].sort()) {
      const { schema, request, reply } = this.reached.get(name);
      made.structures[name] = this.members(schema, { request, reply }, structures?.[name]);
    }
    made.enums = Object.fromEntries(Object.entries(this.enums).sort(([a], [b]) => (a < b ? -1 : 1)));
    return made;
  }

  stale() {
    const listed = [];
    for (const [shape, names] of Object.entries(this.differences.left_out ?? {})) {
      for (const name of names) listed.push(`left_out ${shape}.${name}`);
    }
    for (const key of Object.keys(this.differences.types ?? {})) listed.push(`types ${key}`);
    for (const name of this.differences.optional ?? []) listed.push(`optional ${name}`);
    for (const name of this.differences.open_enums ?? []) listed.push(`open_enums ${name}`);
    return listed.filter((entry) => !this.used.has(entry));
  }
}

export function extract(sdk, ours, differences) {
  const closure = new Closure(sdk, ours, differences);
  return { model: closure.model(), stale: closure.stale() };
}

// One member a line, one enumeration a line: a person reads and diffs these files.
function object(map, indent, value) {
  const keys = Object.keys(map);
  if (keys.length === 0) return "{}";
  const lines = keys.map((key) => `${indent}  ${JSON.stringify(key)}: ${value(map[key], indent + "  ")}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

const text = (value) => JSON.stringify(value);
const flat = (value, indent) => (typeof value === "string" ? text(value) : object(value, indent, text));

function words(values, indent) {
  const lines = [];
  let line = "";
  for (const word of values.map(text)) {
    if (line && (indent + line + word).length > 94) {
      lines.push(line);
      line = "";
    }
    line += `${line ? ", " : ""}${word}`;
  }
  return `[${[...lines, line].join(`,\n${indent}  `)}]`;
}

export function print(model) {
  return `${object(model, "", (value, indent) => {
    if (typeof value === "string") return text(value);
    if (value === model.operations) return object(value, indent, (one, deep) => object(one, deep, flat));
    if (value === model.enums) return object(value, indent, words);
    return object(value, indent, flat);
  })}\n`;
}

export const writeModel = (service, model) => writeFileSync(modelPath(service), print(model));
