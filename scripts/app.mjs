// The program that cdk.json names, so that "npx cdk synth" works in a new checkout after "npm ci".
import { preparePython, tool } from "./environment.mjs";
import { main, output, run } from "./process.mjs";

const FINDS_CDK =
  "import importlib.util, sys; " +
  "sys.exit(not all(map(importlib.util.find_spec, ('aws_cdk', 'cdk_nag'))))";

await main(async () => {
  if (output(tool("python"), ["-c", FINDS_CDK]) === null) await preparePython({ dev: true });
  return run(tool("python"), ["cdk_app.py"]);
});
