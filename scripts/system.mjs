// The programs that tests run: a browser, PostgreSQL and Redis.
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

import { must, SetupError } from "./process.mjs";

const POSTGRES_HOME = "/usr/lib/postgresql";
const NEEDED = [
  {
    what: "Chromium",
    names: ["chromium", "chromium-browser", "google-chrome"],
    packages: ["chromium", "fonts-liberation"],
  },
  { what: "PostgreSQL", names: ["postgres"], packages: ["postgresql"], folders: postgresFolders },
  { what: "Redis", names: ["redis-server"], packages: ["redis-server"] },
];

/** Installs what is missing where that is possible, and otherwise says how in one line. */
export async function prepareSystem() {
  const missing = NEEDED.filter((program) => !isThere(program));
  if (!missing.length) return;
  const what = missing.map((program) => program.what).join(", ");
  const packages = missing.flatMap((program) => program.packages);
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0) {
    throw new SetupError(
      `Tests need ${what}. Install with: sudo apt-get ${install.join(" ")} ` +
        `(or your system's packages of these names).`,
    );
  }
  console.log(`Installing ${what} for the tests ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await must("apt-get update", "apt-get", ["update", "-qq"], { env });
  await must("apt-get install", "apt-get", ["-qq", ...install], { env });
}

function isThere({ names, folders = () => [] }) {
  const places = [...(process.env.PATH ?? "").split(delimiter), ...folders()];
  return places.some((place) => names.some((name) => isExecutable(join(place, name))));
}

function postgresFolders() {
  if (!existsSync(POSTGRES_HOME)) return [];
  return readdirSync(POSTGRES_HOME).map((version) => join(POSTGRES_HOME, version, "bin"));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
