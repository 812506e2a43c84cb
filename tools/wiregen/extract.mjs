// SPDX-License-Identifier: Apache-2.0
// node extract.mjs SERVICE [--write] [OPERATION...]
// Prints (or writes) the model of a service: the operations that it lists and the ones named here.
// To support a new operation: npm ci && node extract.mjs ec2 --write CopyImage
import { load } from "./schemas.mjs";
import { extract, print, readDifferences, readModel, writeModel } from "./closure.mjs";

const [service, ...words] = process.argv.slice(2);
if (!service) {
  console.error("usage: node extract.mjs SERVICE [--write] [OPERATION...]");
  process.exit(2);
}
const ours = readModel(service);
for (const word of words.filter((one) => !one.startsWith("--"))) ours.operations[word] ??= {};
const { model, stale } = extract(load(service), ours, readDifferences(service));
for (const entry of stale) console.error(`differences.json: ${service}: nothing to do for: ${entry}`);
if (words.includes("--write")) writeModel(service, model);
else process.stdout.write(print(model));
