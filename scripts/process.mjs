// Child processes: run one and wait, with one-line errors.
import { spawn, spawnSync } from "node:child_process";

// Before any child runs: the parent may end as soon as one does.
const PARENT = process.ppid;

export class SetupError extends Error {}

/** Prints a SetupError as one line and leaves with code 1; other errors keep their trace. */
export async function main(body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`Error: ${error.message}`);
    process.exitCode = 1;
  }
}

/** Output of a command, or null where it does not exist or fails. */
export function output(command, args) {
  const done = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return done.status === 0 ? done.stdout.trim() : null;
}

/** Runs a command with this terminal; resolves to its exit code. Signals are passed on. */
export function run(command, args, { env = process.env, shell = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env, shell });
    // Ctrl-C reaches the whole terminal group by itself: only wait for the child to end.
    const wait = () => {};
    const forward = () => child.kill("SIGTERM");
    process.on("SIGINT", wait).on("SIGTERM", forward).on("SIGHUP", forward);
    // A signal to npm ends npm and its shell, but does not come through to here.
    const orphaned = setInterval(() => process.ppid !== PARENT && forward(), 500);
    const release = () => {
      clearInterval(orphaned);
      process.off("SIGINT", wait).off("SIGTERM", forward).off("SIGHUP", forward);
    };
    child.on("error", (error) => {
      release();
      reject(new SetupError(`${command} could not be started: ${error.message}`));
    });
    child.on("exit", (code, signal) => {
      release();
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}

/** Like run, but a failure is an error that says what was being done. */
export async function must(doing, command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new SetupError(`${doing} failed (exit code ${code}); its output is above.`);
}
