// cdk with what it needs: npm run deploy -- --require-approval never
// The first argument is the command of cdk; the others are passed on.
import { join } from "node:path";

import { prepareNode, preparePython, ROOT, tool } from "./environment.mjs";
import { main, run } from "./process.mjs";

await main(async () => {
  await preparePython({ dev: true });
  await prepareNode();
  const env = { ...process.env, CDK_DISABLE_CLI_TELEMETRY: "true" };
  const cdk = join(ROOT, "node_modules", "aws-cdk", "bin", "cdk");
  const app = ["--app", `"${tool("python")}" cdk_app.py`, "--no-notices"];
  return run(process.execPath, [cdk, ...process.argv.slice(2), ...app], { env });
});
