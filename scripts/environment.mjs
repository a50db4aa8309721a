// The Python environment in .venv, made from uv.lock. Only Python and Node have to be there.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { must, output, SetupError } from "./process.mjs";

const UV_VERSION = "0.13.8";
const OLDEST_PYTHON = [3, 11];
const WINDOWS = process.platform === "win32";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, ".cache");
const VENV = join(ROOT, ".venv");
const STAMP = join(VENV, "setup.json");

/** The path of a command installed in .venv, e.g. tool("pytest"). */
export function tool(name) {
  return binary(VENV, name);
}

/**
 * Brings .venv up to date with uv.lock: the app's own packages, with `dev` also those for tests.
 * Returns at once where nothing has changed since the last time.
 */
export async function preparePython({ dev = false } = {}) {
  process.chdir(ROOT);
  const inputs = digest("uv.lock", "pyproject.toml");
  const found = readStamp(STAMP);
  const moved = found && found.place !== VENV;
  if (moved) rmSync(VENV, { recursive: true }); // its commands hold the old path
  const current = found?.inputs === inputs && !moved && existsSync(tool("python"));
  if (current && (found.dev || !dev)) return;
  const wanted = { inputs, dev: dev || Boolean(found?.dev), place: VENV };

  const python = findPython();
  const uv = await findUv(python);
  console.log(`Installing the locked packages into .venv (Python ${python.version}) ...`);
  const groups = wanted.dev ? [] : ["--no-dev"];
  const args = ["sync", "--frozen", "--inexact", "--python", python.path, ...groups];
  // Where Python may not keep what it compiles, every process would compile everything anew.
  if (process.env.PYTHONDONTWRITEBYTECODE) args.push("--compile-bytecode");
  const env = { ...process.env, UV_PYTHON_DOWNLOADS: "never", UV_PROJECT_ENVIRONMENT: VENV };
  delete env.VIRTUAL_ENV;
  await must("Installing the Python packages", uv, args, { env });
  writeFileSync(STAMP, JSON.stringify(wanted));
}

/** Runs `npm ci` where package.json asks for packages and they are not there yet. */
export async function prepareNode() {
  process.chdir(ROOT);
  const { dependencies, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  if (!Object.keys({ ...dependencies, ...devDependencies }).length) return;
  const stamp = join(ROOT, "node_modules", ".setup.json");
  const inputs = digest("package.json", "package-lock.json");
  if (readStamp(stamp)?.inputs === inputs) return;
  console.log("Installing the locked npm packages ...");
  await must("npm ci", "npm", ["ci", "--no-audit", "--no-fund"], { shell: WINDOWS });
  writeFileSync(stamp, JSON.stringify({ inputs }));
}

/** A Python of at least 3.11: the one of .venv, else the first on the path. */
function findPython() {
  const preferred = readFileSync(join(ROOT, ".python-version"), "utf8").trim();
  const names = [`python${preferred}`, "python3", "python", "python3.13", "python3.14", "python3.11"];
  const candidates = [[tool("python")], ...names.map((name) => [name])];
  if (WINDOWS) candidates.push(["py", `-${preferred}`], ["py", "-3"]);
  const question = "import sys; print(sys.executable, *sys.version_info[:3], sep='\\n')";
  const tooOld = new Set();
  for (const [command, ...args] of candidates) {
    const answer = output(command, [...args, "-c", question]);
    if (answer === null) continue;
    const [path, major, minor, patch] = answer.split(/\r?\n/);
    const version = `${major}.${minor}.${patch}`;
    if (major > OLDEST_PYTHON[0] || (major == OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) {
      return { path, version };
    }
    tooOld.add(version);
  }
  const seen = tooOld.size ? `only ${[...tooOld].join(", ")} was found` : "none was found";
  throw new SetupError(
    `Python ${OLDEST_PYTHON.join(".")} or newer is needed and ${seen}. ` +
      `Install it from https://www.python.org/downloads/ or your system's packages, then try again.`,
  );
}

/** uv from the path, else installed from PyPI into .cache. */
async function findUv(python) {
  if (output("uv", ["--version"]) !== null) return "uv";
  const home = join(CACHE, `uv-${UV_VERSION}`);
  const uv = binary(home, "uv");
  if (output(uv, ["--version"]) !== null) return uv;

  console.log(`Installing uv ${UV_VERSION} into .cache ...`);
  mkdirSync(CACHE, { recursive: true });
  rmSync(home, { recursive: true, force: true });
  const requirement = `uv==${UV_VERSION}`;
  const pip = ["install", "--quiet", "--disable-pip-version-check"];
  if (output(python.path, ["-m", "venv", home]) !== null) {
    await must("Installing uv", binary(home, "python"), ["-m", "pip", ...pip, requirement]);
    return uv;
  }
  rmSync(home, { recursive: true, force: true });
  if (output(python.path, ["-m", "pip", "--version"]) !== null) {
    const args = ["-m", "pip", ...pip, "--target", home, requirement];
    await must("Installing uv", python.path, args);
    return join(home, "bin", WINDOWS ? "uv.exe" : "uv");
  }
  throw new SetupError(
    `${python.path} has neither venv nor pip. Install them ` +
      `(Debian, Ubuntu: apt-get install python3-venv) or uv (https://docs.astral.sh/uv/).`,
  );
}

function binary(environment, name) {
  return WINDOWS ? join(environment, "Scripts", `${name}.exe`) : join(environment, "bin", name);
}

function digest(...names) {
  const hash = createHash("sha256");
  for (const name of names) hash.update(readFileSync(join(ROOT, name)));
  return hash.digest("hex");
}

function readStamp(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
