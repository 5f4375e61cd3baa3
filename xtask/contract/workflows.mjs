// Holds generated workflows against what others check workflows with, and sees each of them refuse what is broken:
// `node workflows.mjs SCRATCH PROGRAMS FILE…`. Prints {"checks": [{name, ok, detail}]}.
//
// actionlint finds what would not run; GitHub's own parser of its editor extensions knows what is newer than that;
// zizmor finds what would be unsafe; action-validator, a second reading of the schema, is asked where it is installed.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { basename, join } from "node:path";
import { parse, stringify } from "yaml";

// GitHub's parser imports JSON without saying so, as bundlers allow.
const hooks = `export async function load(url, context, next) {
  if (!url.endsWith(".json")) return next(url, context);
  const { readFileSync } = await import("node:fs");
  return { format: "module", shortCircuit: true, source: "export default " + readFileSync(new URL(url), "utf8") };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
const { parseWorkflow, NoOperationTraceWriter, convertWorkflowTemplate } = await import("@actions/workflow-parser");

const [scratch, programs, ...files] = process.argv.slice(2);

/** Runs a program that prints its findings as JSON and exits with one of these codes. */
function findings(name, arguments_, codes) {
  const run = spawnSync(join(programs, name), arguments_, { encoding: "utf8", timeout: 60_000 });
  if (run.error || !codes.includes(run.status)) {
    throw new Error(`${name} itself failed: ${run.error?.message ?? run.stderr.trim().slice(0, 500)}`);
  }
  return JSON.parse(run.stdout);
}

const LINTERS = {
  actionlint: (file) => {
    // Its companions for scripts may be installed or not: they are not asked.
    const found = findings("actionlint", ["-format", "{{json .}}", "-shellcheck=", "-pyflakes=", file], [0, 1]);
    return found.map((one) => `${one.line}:${one.column} ${one.message} [${one.kind}]`);
  },
  "GitHub's parser": async (file, text) => {
    const result = parseWorkflow({ name: basename(file), content: text }, new NoOperationTraceWriter());
    const found = result.context.errors.getErrors().map((error) => error.message);
    if (found.length > 0 || !result.value) return found.length > 0 ? found : ["it is no workflow"];
    const template = await convertWorkflowTemplate(result.context, result.value);
    return (template.errors ?? []).map((error) => error.Message ?? error.message ?? JSON.stringify(error));
  },
  zizmor: (file) => {
    const found = findings("zizmor", ["--offline", "--no-progress", "--format", "json", "--no-exit-codes", file], [0]);
    return found.map((one) => `${one.ident}: ${one.desc} (${one.determinations.severity})`);
  },
};
const validator = spawnSync("action-validator", ["--version"]);
if (!validator.error && validator.status === 0) {
  LINTERS["action-validator"] = (file) => {
    // Its schema is older than `queue: max`, which the others know.
    const older = file.replace(/\.yml$/, ".without-queue.yml");
    writeFileSync(older, readFileSync(file, "utf8").replace(/^ +queue: max\n/gm, ""));
    const run = spawnSync("action-validator", [older], { encoding: "utf8" });
    return run.status === 0 ? [] : [(run.stderr + run.stdout).trim().slice(0, 500)];
  };
}

/** The first job that has steps, and one that is not it. */
function jobs(flow) {
  if (!flow?.jobs) throw new Error("it is no workflow");
  const names = Object.keys(flow.jobs).filter((name) => flow.jobs[name].steps);
  return { first: flow.jobs[names[0]], last: flow.jobs[names[names.length - 1]] };
}

/** Each breaks a workflow in one way, with those who must see it. */
const BREAKS = [
  ["a key that no job has", ["actionlint", "GitHub's parser", "action-validator"], (flow) => { jobs(flow).first.stepz = []; }],
  ["a job that waits for none", ["actionlint", "GitHub's parser", "action-validator"], (flow) => { jobs(flow).last.needs = ["nobody"]; }],
  ["an expression of no context", ["actionlint"], (flow) => { jobs(flow).first.if = "${{ githb.ref == 'x' }}"; }],
  ["a schedule that never comes", ["actionlint"], (flow) => { flow.on.schedule = [{ cron: "61 * * * *" }]; }],
  ["a queue of no kind", ["actionlint", "GitHub's parser"], (flow) => { flow.concurrency = { group: "runbook", queue: "maxx" }; }],
  ["an action by a tag that moves", ["zizmor"], (flow) => { jobs(flow).first.steps.unshift({ uses: "octo-org/some-action@v1" }); }],
  ["text from outside in a shell line", ["actionlint", "zizmor"], (flow) => {
    jobs(flow).first.steps.push({ run: "echo ${{ github.event.comment.body }}" });
  }],
  ["a token that may do everything", ["zizmor"], (flow) => { jobs(flow).first.permissions = "write-all"; }],
];

const checks = [];
const check = (name, ok, detail) => checks.push({ name, ok, detail });

/** What a linter says of a file; that it could not say anything is a finding too. */
async function lint(linter, file, text) {
  try {
    return await LINTERS[linter](file, text);
  } catch (error) {
    return [error.message];
  }
}

/** What a linter says of a text, without where it says it. */
async function words(linter, name, text) {
  const file = join(scratch, name);
  writeFileSync(file, text);
  return (await lint(linter, file, text)).map((finding) => finding.replace(/^\d+:\d+ /, ""));
}

for (const file of files) {
  const text = readFileSync(file, "utf8");
  for (const linter of Object.keys(LINTERS)) {
    const found = await lint(linter, file, text);
    check(`${basename(file)}: clean under ${linter}`, found.length === 0, found.join("\n"));
  }
  // What is not clean cannot be broken to any use.
  if (checks.some((one) => !one.ok)) continue;
  // Written anew, it lacks its comments, and with them what they told zizmor to let pass.
  const plain = {};
  for (const linter of Object.keys(LINTERS)) plain[linter] = await words(linter, `plain-${basename(file)}`, stringify(parse(text)));
  for (const [at, [what, witnesses, breaks]] of BREAKS.entries()) {
    const flow = parse(text);
    breaks(flow);
    const missed = [];
    const asked = witnesses.filter((linter) => LINTERS[linter]);
    for (const linter of asked) {
      const found = await words(linter, `broken-${at}-${basename(file)}`, stringify(flow));
      if (found.every((finding) => plain[linter].includes(finding))) missed.push(linter);
    }
    check(`${basename(file)}, with ${what}: refused by ${asked.join(" and ")}`, missed.length === 0, missed.map((one) => `${one} took it`).join(", "));
  }
}
if (files.length === 0) check("there is a workflow", false, "none was given");
process.stdout.write(`${JSON.stringify({ checks })}\n`);
