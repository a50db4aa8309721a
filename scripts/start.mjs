// npm start: makes the environment where needed, then runs the studio and a worker.
// Arguments are passed on: npm start -- --port 8502
import { preparePython, tool } from "./environment.mjs";
import { main, run } from "./process.mjs";

await main(async () => {
  await preparePython();
  return run(tool("prompt-app"), ["start", ...process.argv.slice(2)]);
});
