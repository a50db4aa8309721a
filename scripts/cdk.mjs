// cdk with what it needs: npm run deploy -- --require-approval never
// The first argument is the command of cdk; the others are passed on.
import { join } from "node:path";

import { prepareNode, preparePython, ROOT } from "./environment.mjs";
import { main, run } from "./process.mjs";

await main(async () => {
  await preparePython({ dev: true });
  await prepareNode();
  const cdk = join(ROOT, "node_modules", "aws-cdk", "bin", "cdk");
  return run(process.execPath, [cdk, ...process.argv.slice(2)]);
});
