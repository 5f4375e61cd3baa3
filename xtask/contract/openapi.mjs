// Holds recorded exchanges with the fake GitHub against GitHub's own OpenAPI description:
// `node openapi.mjs DESCRIPTION FOLDER BROKEN`. Prints {"checks": [{name, ok, detail}]}, one for each route that was
// asked; then one for each exchange of the file BROKEN, in each of which something must be found.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import addFormats from "ajv-formats";

/** What is said on purpose although GitHub's description lacks it. Each line says why. */
const EXCEPTIONS = [
  {
    // GitHub still takes POST where a client cannot PATCH; octocrab's own methods rely on it, and the fake's tests try it.
    why: "POST instead of PATCH",
    applies: (exchange) => exchange.method === "POST" && /\/issues\/comments\/\d+$/.test(exchange.path),
  },
  {
    // The page that an issue's link leads to: for people, no part of the API.
    why: "a page",
    applies: (exchange) => exchange.method === "GET" && /^\/[^/]+\/[^/]+\/issues\/\d+$/.test(exchange.path),
  },
  {
    // GitHub ends runs with `stale` and `startup_failure` too, and may with words to come: a test says each of them.
    why: "a check's word that the description does not list",
    applies: (exchange) =>
      /\/check-runs$/.test(exchange.path) && /"(conclusion|status)":"(stale|startup_failure|made_up)"|"name":"word"/.test(exchange.response ?? ""),
  },
];

/** What any route may answer, whether its description lists it or not, and the form of the body. */
const ERRORS = {
  301: "basic-error", 400: "basic-error", 401: "basic-error", 403: "basic-error", 404: "basic-error",
  408: "basic-error", 409: "basic-error", 413: "basic-error", 410: "basic-error", 422: "validation-error|validation-error-simple|basic-error", 429: "basic-error",
};

/** The package whose tests send what GitHub refuses, to see the fake refuse it. */
const PROVOKES = "runbook-testkit";

/** With fewer exchanges than this, something was not recorded. */
const LEAST = 300;

const [description, folder, broken] = process.argv.slice(2);
const spec = JSON.parse(readFileSync(description, "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true, logger: false, validateSchema: false, coerceTypes: false });
addFormats(ajv);

/** A schema of OpenAPI 3.0 as one of JSON Schema: `nullable`, and bounds that are flags. */
function converted(schema) {
  if (Array.isArray(schema)) return schema.map(converted);
  if (schema === null || typeof schema !== "object") return schema;
  const out = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "example" || key === "examples" || key === "default" || key === "discriminator") continue;
    if (key === "enum" || key === "const" || key === "required") out[key] = value;
    else if (key === "properties") out[key] = Object.fromEntries(Object.entries(value).map(([n, s]) => [n, converted(s)]));
    else if (key === "$ref") out[key] = value.replace("#/components/schemas/", "github#/components/schemas/");
    else out[key] = converted(value);
  }
  if (out.exclusiveMinimum === true) { out.exclusiveMinimum = out.minimum; delete out.minimum; }
  if (out.exclusiveMaximum === true) { out.exclusiveMaximum = out.maximum; delete out.maximum; }
  if (typeof out.exclusiveMinimum === "boolean") delete out.exclusiveMinimum;
  if (typeof out.exclusiveMaximum === "boolean") delete out.exclusiveMaximum;
  const { nullable } = out;
  delete out.nullable;
  // "Nothing" is an empty text where that is what GitHub puts in by itself, whatever the format says.
  const also = [...(nullable ? [{ type: "null" }] : []), ...(schema.default === "" && out.format ? [{ const: "" }] : [])];
  return also.length > 0 ? { anyOf: [...also, out] } : out;
}

const schemas = Object.fromEntries(Object.entries(spec.components.schemas).map(([name, one]) => [name, converted(one)]));
ajv.addSchema({ $id: "github", components: { schemas } });

const compiled = new Map();
/** A validator; the same schema object is compiled once. */
function validator(schema) {
  if (!compiled.has(schema)) compiled.set(schema, { schema: converted(schema), check: ajv.compile(converted(schema)) });
  return compiled.get(schema);
}

function deref(one) {
  while (one?.$ref) one = one.$ref.slice(2).split("/").reduce((at, part) => at[part.replace(/~1/g, "/")], spec);
  return one;
}

const METHODS = ["get", "put", "post", "delete", "patch", "head"];
const routes = [];
for (const [path, item] of Object.entries(spec.paths)) {
  const parts = path.split("/").slice(1);
  const fixed = parts.filter((part) => !part.startsWith("{")).length;
  for (const method of METHODS.filter((method) => item[method])) {
    const parameters = [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(deref);
    routes.push({ method: method.toUpperCase(), path, parts, fixed, operation: item[method], parameters });
  }
}
// A word in a path wins over a parameter.
routes.sort((a, b) => b.fixed - a.fixed);

/** The parameters that may hold slashes, as GitHub's routes do although OpenAPI cannot say it. */
const WITH_SLASHES = new Set(["ref", "path", "basehead", "branch"]);

/** Values of a route's parameters, or null where the path is not this route's. */
function match(parts, asked) {
  const values = {};
  let at = 0;
  for (let i = 0; i < parts.length; i += 1) {
    const part = parts[i];
    if (at >= asked.length) return null;
    if (!part.startsWith("{")) {
      if (part !== asked[at]) return null;
      at += 1;
      continue;
    }
    const name = part.slice(1, -1);
    const rest = parts.length - i - 1;
    const take = WITH_SLASHES.has(name) ? asked.length - at - rest : 1;
    if (take < 1) return null;
    values[name] = asked.slice(at, at + take).map(decodeURIComponent).join("/");
    at += take;
  }
  return at === asked.length ? values : null;
}

function route(exchange) {
  // GitHub's own links name a repository by its id: the same routes.
  const path = exchange.path.replace(/^\/repositories\/\d+/, "/repos/owner/name");
  const asked = path.split("/").slice(1).filter((part) => part !== "");
  for (const one of routes) {
    if (one.method !== exchange.method) continue;
    const values = match(one.parts, asked);
    if (values) return { ...one, values };
  }
  return null;
}

/** A text of a path or a query as the type that the schema asks for. */
function typed(text, schema) {
  const types = [deref(schema)].flatMap((one) => [one.type, ...(one.oneOf ?? one.anyOf ?? []).map((o) => deref(o).type)]);
  if ((types.includes("integer") || types.includes("number")) && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}

function words(errors) {
  return (errors ?? [])
    .filter((error) => error.keyword !== "anyOf" && error.keyword !== "oneOf" && error.keyword !== "if")
    .slice(0, 4)
    .map((error) => {
      const more = error.params?.allowedValues ? ` (${error.params.allowedValues.join(", ")})` : "";
      return `${error.instancePath.replace(/\/\d+(?=\/|$)/g, "/*") || "/"} ${error.message}${more}`;
    })
    .join("; ") || (errors ?? []).map((error) => `${error.instancePath || "/"} ${error.message}`).join("; ");
}

/** The schemas that describe one value, through references and combinations; those that cannot apply to it are left out. */
function flat(schema, seen = new Set()) {
  if (!schema || typeof schema !== "object" || seen.has(schema)) return [];
  seen.add(schema);
  const target = schema.$ref ? schemas[schema.$ref.split("/").pop()] : null;
  const parts = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(target ? [target] : [])];
  return [schema, ...parts.flatMap((part) => flat(part, seen))];
}

/** Fields that the description does not know, by their place. A description that lists no field is free. */
function unknown(value, list, place = "") {
  if (Array.isArray(value)) {
    const items = list.flatMap((one) => flat(one.items));
    return value.slice(0, 3).flatMap((item) => unknown(item, items, `${place}/*`));
  }
  if (value === null || typeof value !== "object") return [];
  const describing = list.filter((one) => one.properties);
  const open = list.some((one) => one.additionalProperties === true || typeof one.additionalProperties === "object");
  if (describing.length === 0 || open) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const known = describing.filter((one) => key in one.properties).flatMap((one) => flat(one.properties[key]));
    return known.length === 0 ? [`${place}/${key}`] : unknown(inner, known, `${place}/${key}`);
  });
}

/** What GitHub does not refuse and yet nobody should send: it is left out, or cut. */
class Ignored {
  constructor(words) { this.words = words; }
}

/** What is wrong with a request; empty where GitHub would take it. */
function requestProblems(exchange, found) {
  const problems = [];
  const query = [...new URLSearchParams(exchange.query)];
  for (const parameter of found.parameters) {
    const given = parameter.in === "path" ? found.values[parameter.name]
      : parameter.in === "query" ? query.find(([name]) => name === parameter.name)?.[1] : undefined;
    if (given === undefined || given === "") {
      if (parameter.required && parameter.in === "query") problems.push(`the query lacks ${parameter.name}`);
      continue;
    }
    if (exchange.path.startsWith("/repositories/") && ["owner", "repo"].includes(parameter.name)) continue;
    const { check } = validator(parameter.schema);
    if (!check(typed(given, parameter.schema))) problems.push(`${parameter.in} ${parameter.name}: ${words(check.errors)}`);
    // The description names the greatest page in words only.
    if (parameter.name === "per_page" && Number(given) > 100) problems.push(new Ignored("query per_page: at most 100"));
  }
  for (const [name] of query) {
    if (!found.parameters.some((parameter) => parameter.in === "query" && parameter.name === name)) {
      problems.push(new Ignored(`the query has ${name}, which this route does not know`));
    }
  }
  const wanted = deref(found.operation.requestBody);
  const schema = wanted?.content?.["application/json"]?.schema;
  if (!exchange.request) {
    if (wanted?.required && schema) problems.push("there is no body");
    return problems;
  }
  let body;
  try { body = JSON.parse(exchange.request); } catch { return [...problems, "the body is not JSON"]; }
  if (!schema) {
    if (body !== null && Object.keys(body).length > 0) problems.push("this route takes no body");
    return problems;
  }
  const { schema: own, check } = validator(schema);
  if (!check(body)) problems.push(`body: ${words(check.errors)}`);
  for (const place of unknown(body, flat(own))) problems.push(new Ignored(`body: ${place} is not known here`));
  return problems;
}

/** What is wrong with an answer; empty where GitHub could have given it. */
function answerProblems(exchange, found) {
  const { status } = exchange;
  const documented = deref(found?.operation.responses?.[status]);
  const json = (exchange.content_type ?? "").includes("json");
  if (status === 304) return exchange.response ? ["304 has a body"] : [];
  if (!documented && !ERRORS[status]) return [`${status} is no answer of this route`];
  if (status === 204) return exchange.response ? ["204 has a body"] : [];
  if (!json) return status >= 400 ? [] : [`the body is ${exchange.content_type}, not JSON`];
  let body;
  try { body = JSON.parse(exchange.response); } catch { return ["the body is not JSON"]; }
  const schema = documented?.content?.["application/json"]?.schema;
  if (schema) {
    const { schema: own, check } = validator(schema);
    if (check(body)) return status < 400 ? unknown(body, flat(own)).map((place) => `${place} is not known here`) : [];
    if (status < 400) return [words(check.errors)];
  } else if (status < 400) {
    return [`the description of ${status} has no body, the answer has one`];
  }
  // A refusal: in the form of this route, or in one of GitHub's common forms.
  if (typeof body?.message !== "string") return ["a refusal has a message"];
  const forms = (ERRORS[status] ?? "basic-error").split("|");
  const checks = forms.map((form) => validator(spec.components.schemas[form]).check);
  return checks.some((check) => check(body)) ? [] : [words(checks[0].errors)];
}

/** What was found, by place; and how often each place was seen. */
class Held {
  constructor() {
    this.routes = new Map();
    this.counts = { requests: 0, answers: 0, faults: 0, provoked: 0, excepted: 0 };
  }

  note(exchange, found, problems) {
    const name = found ? `${found.method} ${found.path}` : `${exchange.method} ${exchange.path}`;
    const route = this.routes.get(name) ?? { seen: 0, problems: new Map() };
    this.routes.set(name, route);
    route.seen += 1;
    for (const problem of problems) {
      const line = `${exchange.package || "somebody"}, ${exchange.status ?? "no answer"}: ${problem}`;
      route.problems.set(line, (route.problems.get(line) ?? 0) + 1);
    }
    return problems.length;
  }

  /** Notes one exchange, and says how much is wrong with it. */
  hold(exchange) {
    if (EXCEPTIONS.some((exception) => exception.applies(exchange))) { this.counts.excepted += 1; return 0; }
    const found = route(exchange);
    const provoked = exchange.package === PROVOKES;
    const accepted = exchange.status !== null && exchange.status < 400 && !exchange.fault;
    const problems = [];
    this.counts.requests += 1;
    for (const problem of found ? requestProblems(exchange, found) : ["GitHub has no such route"]) {
      if (provoked && (!accepted || problem instanceof Ignored)) this.counts.provoked += 1;
      else problems.push(`${accepted ? "the fake took what GitHub refuses" : "the request"}: ${problem.words ?? problem}`);
    }
    if (exchange.fault || exchange.status === null) {
      this.counts.faults += 1;
    } else {
      this.counts.answers += 1;
      problems.push(...answerProblems(exchange, found).map((problem) => `the answer: ${problem}`));
    }
    // A route that nobody has, asked for by whoever wants to see it refused, is none of GitHub's.
    return found || problems.length > 0 ? this.note(exchange, found, problems) : 0;
  }

  checks() {
    return [...this.routes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { seen, problems }]) => ({
      name: `${name}, ${seen} times`,
      ok: problems.size === 0,
      detail: [...problems].slice(0, 20).map(([line, times]) => `${line} (${times} times)`).join("\n"),
    }));
  }
}

/** The exchanges of a file; what a run that was ended left unfinished is no line. */
function exchanges(file) {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.slice(0, -1).filter((line) => line !== "").map((line) => JSON.parse(line));
}

const held = new Held();
for (const name of readdirSync(folder).filter((name) => name.endsWith(".jsonl")).sort()) {
  exchanges(join(folder, name)).forEach((exchange) => held.hold(exchange));
}
const checks = held.checks();
const { requests, answers, faults, provoked, excepted } = held.counts;
checks.push({
  name: `${requests} requests and ${answers} answers; ${faults} answers were ordered, ${provoked} times something wrong was ` +
    `asked on purpose, ${excepted} exchanges are excepted`,
  ok: requests >= LEAST && answers >= LEAST,
  detail: `expected at least ${LEAST} of each: were the tests recorded?`,
});
for (const exchange of exchanges(broken)) {
  checks.push({
    name: `refused: ${exchange.broken}`,
    ok: new Held().hold(exchange) > 0,
    detail: "nothing was found wrong with it",
  });
}
process.stdout.write(`${JSON.stringify({ checks })}\n`);
