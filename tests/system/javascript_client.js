// A program on the package casemill: javascript_client.js ACTION BROKER,... [KEY BROKER_KEY]; prints what it gets.
"use strict";
const casemill = require("casemill");

const [action, brokers, key, brokerKey] = process.argv.slice(2);
const client = new casemill.Client({
  brokers: brokers.split(","), source: key ? undefined : "javascript", batchCases: 100, key, brokerKey,
  quiet: action === "forgotten" ? 300 : 60000, // longer than the test: a new connection is reason enough
  ack: key || action === "journal" ? "journal" : "outcome", onBusy: (reason, ms) => console.log("BUSY", reason, ms > 0),
  results: action === "results",
});
const made = (name, facts) => ({case_id: name, revision: 0, as_of: undefined, facts: {claim_country: "US", ...facts}});

function show(receipts) {
  const sum = (get) => receipts.reduce((total, receipt) => total + get(receipt), 0);
  console.log(sum((one) => one.count), "cases", sum((one) => Object.values(one.outcomes).reduce((a, b) => a + b, 0)), "outcomes",
    sum((one) => one.deadCount), "dead", sum((one) => one.duplicates), "duplicates",
    ...new Set(receipts.map((receipt) => receipt.event)));
  for (const dead of receipts.flatMap((receipt) => receipt.dead)) {
    console.log("dead", dead.case, dead.reason, dead.path, dead.expected, "|", dead.found);
  }
}

async function faults() {
  const wrong = {123: {stateless: 1}, 124: {married: new casemill.Double(1)}};
  for (let number = 0; number < 250; number++) await client.submit(made(`F-${number}`, wrong[number]));
  show(await client.wait({timeout: 30000}));
  await client.submitBatch([made("F-0"), made("F-1")], {batch: Buffer.alloc(16)});
  show(await client.wait({timeout: 30000}));
  for (const cases of [[], new Array(65537).fill(made("F"))]) {
    await client.submitBatch(cases).catch((error) => console.log(error.name, error.message));
  }
  await client.submit({case_id: new Date()}).catch((error) => console.log(error.name, error.message));
}

async function patient(count) { // until its end, whatever happens to the broker
  for (let number = 0; number < count; number++) {
    await client.submit(made(`${action}-${number}`));
    if (number % 100 === 0) console.log("sent", number);
  }
  for (;;) {
    try {
      return show(await client.wait({timeout: 1000}));
    } catch (error) {
      if (!(error instanceof casemill.Timeout)) throw error;
      console.log("Timeout", error.message);
    }
  }
}

async function results() { // twice: decided, then stored
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 250; number++) await client.submit(made(`R-${number}`, number === 123 ? {stateless: 1} : {}));
    const all = (await client.wait({timeout: 30000})).flatMap((receipt) => receipt.results);
    all.sort((a, b) => a.case - b.case); // batches come as they are done
    console.log("results", all.length, all.filter((one) => one.duplicate).length, all[123].dead.path, all.findIndex((one) => one.dead));
    console.log(all[0].disposition, all[0].agreement, all[0].reason, all[0].missing[0].path, all[0].missing[0].question.length > 0);
  }
}

async function once() {
  await client.submit(made(action));
  await client.wait({timeout: 2000}).then(show, (error) => console.log(error.constructor.name, error.message));
}

const run = {faults, results, stream: () => patient(3000), patient: () => patient(1)}[action] ?? once;
run().then(() => client.close());
