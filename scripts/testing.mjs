// All tests, several at once; then once more, by themselves, the few that failed.
import { existsSync, readFileSync, rmSync } from "node:fs";

import { run } from "./process.mjs";

const FAILED = ".pytest_cache/v/cache/lastfailed";
const MOST_AGAIN = 5;

/**
 * Resolves to pytest's exit code. A test that passes the second time depends on the machine's pace:
 * it is named at the end, and does not fail the whole.
 */
export async function runAllTests(pytest, args) {
  rmSync(FAILED, { force: true });
  const code = await run(pytest, args);
  if (code !== 1 || !existsSync(FAILED)) return code;
  const failed = Object.keys(JSON.parse(readFileSync(FAILED, "utf8"))).map(withoutGroup);
  if (failed.length === 0 || failed.length > MOST_AGAIN) return code;
  console.log("\n== what failed, once more by itself");
  const again = await run(pytest, failed);
  if (again === 0) console.log(`== failed at first, passed by itself:\n${failed.join("\n")}`);
  return again;
}

/** pytest-xdist writes a test's group behind its name. */
function withoutGroup(test) {
  return test.replace(/@[^@\]]*$/, "");
}
