// npm run setup: the app's environment. With --dev also all that tests need.
import { prepareNode, preparePython } from "./environment.mjs";
import { main } from "./process.mjs";
import { prepareSystem } from "./system.mjs";

await main(async () => {
  const dev = process.argv.includes("--dev");
  if (dev) await prepareSystem();
  await preparePython({ dev });
  if (dev) await prepareNode();
  return 0;
});
