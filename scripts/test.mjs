// npm test: makes everything that tests need, then checks and tests, each under its heading.
// npm run lint: the checks alone. npm run format: mends what can be mended. npm test -- -k name: pytest alone, with these arguments.
import { prepareNode, preparePython, tool } from "./environment.mjs";
import { main, run } from "./process.mjs";
import { prepareSystem } from "./system.mjs";
import { runAllTests } from "./testing.mjs";

const CHECKS = [
  ["format", "ruff", ["format", "--check"]],
  ["lint", "ruff", ["check"]],
  ["types", "mypy", []],
  ["import floors", "lint-imports", ["--no-logo"]],
];
const MENDING = [
  ["lint", "ruff", ["check", "--fix"]],
  ["format", "ruff", ["format"]],
];

/** Runs every step, also after a failure; 0 where all passed. */
async function runSteps(steps) {
  const failed = [];
  for (const [name, command, args, runStep = run] of steps) {
    console.log(`\n== ${name}: ${command} ${args.join(" ")}`);
    const begin = performance.now();
    const code = await runStep(tool(command), args);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    if (code !== 0) failed.push(name);
    if (code !== 0 || command !== "pytest") {
      console.log(`== ${name}: ${code === 0 ? "passed" : "FAILED"} in ${seconds} s`);
    }
    if (code >= 128) break; // interrupted
  }
  if (failed.length) console.error(`\nFailed: ${failed.join(", ")}`);
  return failed.length ? 1 : 0;
}

await main(async () => {
  const args = process.argv.slice(2);
  const only = { "--checks": CHECKS, "--format": MENDING }[args[0]];
  if (!only) await prepareSystem();
  await preparePython({ dev: true });
  if (only) return runSteps(only);
  await prepareNode();
  if (args.length) return runSteps([["tests", "pytest", args]]);
  const all = ["tests", "pytest", ["-n", "2", "--dist", "loadgroup"], runAllTests];
  return runSteps([...CHECKS, all]);
});
