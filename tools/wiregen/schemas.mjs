// SPDX-License-Identifier: Apache-2.0
// Reads one service's run-time schemas out of the installed @aws-sdk client, as plain facts: shapes,
// members, wire names, which members are required, and which enumeration a member's text comes from.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

const LIST = 1, MAP = 2, STRUCTURE = 3, UNION = 4, OPERATION = 9;
const LIST_OF = 64, MAP_OF = 128;
const SIMPLE = new Map([
  [0, "string"], [1, "integer"], [2, "boolean"], [4, "timestamp"], [5, "timestamp"],
  [6, "timestamp"], [7, "timestamp"], [21, "blob"], [42, "blob"],
]);
const LABEL = 1, PAYLOAD = 16; // traits that come as bits, if there are no others

const deref = (ref) => (typeof ref === "function" ? ref() : ref);

// A reference is a number, a schema, or [schema, traits]; schemas are arrays that start with a number
// too, but then have a name in place two.
function split(ref) {
  const value = deref(ref);
  if (Array.isArray(value) && value.length === 2 && typeof value[1] !== "string") {
    return [deref(value[0]), value[1] || {}];
  }
  return [value, {}];
}

function typeOf(schema) {
  if (typeof schema === "number") {
    if (schema & MAP_OF) throw new Error("a map of simple values");
    const simple = SIMPLE.get(schema & ~LIST_OF);
    if (!simple) throw new Error(`simple schema ${schema}`);
    return schema & LIST_OF ? { list: { simple }, item: null } : { simple };
  }
  const [kind, , name] = schema;
  if (kind === STRUCTURE || kind === UNION) return { structure: name, schema };
  if (kind === LIST) {
    const [element, traits] = split(schema[4]);
    return { list: typeOf(element), item: traits.xmlName ?? null };
  }
  if (kind === MAP) throw new Error(`map ${name}`);
  if (kind === 0) return typeOf(deref(schema[4]));
  throw new Error(`schema kind ${kind}`);
}

// Where a rest protocol puts a member: in the path, the query, a header, the body as it is, or (null)
// the body's JSON.
function placeOf(target, traits) {
  if (traits === LABEL) return "path";
  if (traits === PAYLOAD || target?.[3]?.streaming) return "payload";
  if (traits.httpQuery) return `query=${traits.httpQuery}`;
  if (traits.httpHeader) return `header=${traits.httpHeader}`;
  return null;
}

function members(schema) {
  const [, , , , names, references, requiredCount = 0] = schema;
  return names.map((name, index) => {
    const [target, traits] = split(references[index]);
    return {
      name,
      required: index < requiredCount,
      query: traits.ec2QueryName ?? null,
      xml: traits.xmlName ?? null,
      place: placeOf(target, traits),
      type: typeOf(target),
    };
  });
}

// The schemas say "string" for an enumeration; the type declarations name it.
function declaredTypes(root) {
  const folder = join(root, "dist-types", "models");
  const found = new Map();
  for (const file of readdirSync(folder).filter((name) => /^models_\d+\.d\.ts$/.test(name))) {
    let shape = null;
    for (const line of readFileSync(join(folder, file), "utf8").split("\n")) {
      const opened = line.match(/^export interface (\w+)/);
      const member = line.match(/^ {4}(\w+)\??: _?(\w+)(?:\[\])*(?: \| undefined)?;/);
      if (opened) shape = opened[1];
      else if (shape && member) found.set(`${shape}.${member[1]}`, member[2]);
    }
  }
  return found;
}

export function load(service) {
  const manifest = require.resolve(`@aws-sdk/client-${service}/package.json`);
  const root = dirname(manifest);
  const sdk = require(`@aws-sdk/client-${service}`); // schemas and enumerations among its exports
  const declared = declaredTypes(root);
  const operations = new Map();
  for (const schema of Object.values(sdk)) {
    if (Array.isArray(schema) && schema[0] === OPERATION) {
      const request = deref(schema[4]), reply = deref(schema[5]);
      operations.set(schema[2], { request, reply, http: schema[3]?.http ?? null });
    }
  }
  return {
    packageVersion: JSON.parse(readFileSync(manifest, "utf8")).version,
    operation: (name) => operations.get(name),
    members,
    enumeration(shape, member) {
      const name = declared.get(`${shape}.${member}`);
      const values = Object.values(sdk[name] ?? {});
      return values.every((value) => typeof value === "string") && values.length > 0 ? { name, values } : null;
    },
  };
}
