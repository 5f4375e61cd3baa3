// Serves npm `emulate`'s GitHub until standard input ends. Prints one line of JSON first: where it is, and whose tokens
// it knows: Runbook's, the owner's and a stranger's.

import { createEmulator } from "emulate";

const tokens = { runbook: "token-of-runbook", owner: "token-of-the-owner", stranger: "token-of-a-stranger" };
const logins = { runbook: "runbook-robot", owner: "octo", stranger: "mallory" };
const scopes = ["repo", "user"];

const github = await createEmulator({
  service: "github",
  port: 0,
  seed: {
    tokens: Object.fromEntries(Object.keys(tokens).map((who) => [tokens[who], { login: logins[who], scopes }])),
    github: {
      users: Object.values(logins).map((login) => ({ login })),
      repos: [{ owner: logins.owner, name: "forge", auto_init: true }],
    },
  },
});
process.stdin.resume();
process.stdin.on("end", async () => {
  await github.close();
  process.exit(0);
});
// It names itself `localhost`, which may mean another address family than the one it listens on.
const url = github.url.replace("//localhost:", "//127.0.0.1:");
process.stdout.write(`${JSON.stringify({ url, repository: `${logins.owner}/forge`, tokens })}\n`);
