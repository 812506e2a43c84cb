// SPDX-License-Identifier: Apache-2.0
// node parity.mjs: extracts every model anew and compares it with ours, member by member. Prints what
// differs beyond differences.json, and what differences.json says in vain; exit 1 if anything does.
import { load } from "./schemas.mjs";
import { extract, readDifferences, readModel } from "./closure.mjs";

function facts(value, path = []) {
  if (typeof value !== "object" || Array.isArray(value)) return [[path.join("."), JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => facts(inner, [...path, key]));
}

function compare(ours, theirs) {
  const left = new Map(facts(ours));
  const right = new Map(facts(theirs));
  const found = [];
  for (const [path, value] of right) {
    if (!left.has(path)) found.push(`${path}: missing from our model; the SDK says ${value}`);
    else if (left.get(path) !== value) found.push(`${path}: we say ${left.get(path)}, the SDK ${value}`);
  }
  for (const path of left.keys()) {
    if (!right.has(path)) found.push(`${path}: only in our model`);
  }
  return found;
}

let count = 0;
for (const service of ["ebs", "ec2", "ssm", "sts"]) {
  const sdk = load(service);
  const ours = readModel(service);
  const { model, stale } = extract(sdk, ours, readDifferences(service));
  const found = compare(ours, model).concat(stale.map((entry) => `differences.json: in vain: ${entry}`));
  for (const line of found) console.error(`${service}: ${line}`);
  const checked = facts(ours).length;
  console.log(`${service}: ${checked} facts against ${sdk.packageVersion}, ${found.length} mismatches`);
  count += found.length;
}
process.exit(count === 0 ? 0 : 1);
