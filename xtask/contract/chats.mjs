// Writes chats' payloads as TypeScript, for `tsc --noEmit` to hold against the chats' own types:
// `node chats.mjs PAYLOADS FILE`. A literal stands in one line, because only a literal is checked for fields that are not
// known, and because `@ts-expect-error` looks at one line: behind it stand payloads that the types must refuse.

import { readFileSync, writeFileSync } from "node:fs";

const [payloads, file] = process.argv.slice(2);
const { slack, discord } = JSON.parse(readFileSync(payloads, "utf8"));

/** Each breaks one payload in one way. */
const BREAKS = {
  slack: {
    "a header in mrkdwn": (one) => { one.blocks[0].text.type = "mrkdwn"; },
    "a block of no kind": (one) => { one.blocks[0].type = "heading"; },
    "a field that no block has": (one) => { one.blocks[0].colour = "red"; },
    "no text": (one) => { delete one.text; },
  },
  discord: {
    "a colour in words": (one) => { one.embeds[0].color = "red"; },
    "a field without its value": (one) => { delete one.embeds[0].fields[0].value; },
    "a key that no embed has": (one) => { one.embeds[0].heading = "x"; },
    "mentions of nobody's kind": (one) => { one.allowed_mentions.parse = ["all"]; },
  },
};

const TYPES = { slack: "SlackMessage", discord: "RESTPostAPIWebhookWithTokenJSONBody" };
const lines = [
  'import type { KnownBlock } from "@slack/types";',
  'import type { RESTPostAPIWebhookWithTokenJSONBody } from "discord-api-types/v10";',
  "",
  "interface SlackMessage { text: string; blocks: KnownBlock[] }",
];
let count = 0;
for (const [chat, all] of Object.entries({ slack, discord })) {
  for (const [name, payload] of Object.entries(all)) {
    lines.push("", `// ${chat}: ${name}`, `export const ${chat}_${name}: ${TYPES[chat]} = ${JSON.stringify(payload)};`);
    count += 1;
  }
  for (const [at, [what, breaks]] of Object.entries(BREAKS[chat]).entries()) {
    const broken = structuredClone(Object.values(all)[0]);
    breaks(broken);
    lines.push("", `// ${chat}, broken: ${what}`, "// @ts-expect-error");
    lines.push(`export const ${chat}_broken_${at}: ${TYPES[chat]} = ${JSON.stringify(broken)};`);
  }
}
if (count === 0) throw new Error("there are no payloads");
writeFileSync(file, `${lines.join("\n")}\n`);
const broken = Object.values(BREAKS).reduce((sum, breaks) => sum + Object.keys(breaks).length, 0);
process.stdout.write(`${JSON.stringify({ payloads: count, broken })}\n`);
