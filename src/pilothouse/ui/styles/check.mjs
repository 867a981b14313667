// Fails when the committed stylesheet is not what the templates and styles of this checkout compile to.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "css-"));
const fresh = join(folder, "app.css");
try {
  const arguments_ = ["--input", join(here, "app.css"), "--output", fresh, "--minify"];
  execFileSync(join(root, "node_modules/.bin/tailwindcss"), arguments_, { cwd: root, stdio: "pipe" });
  if (!readFileSync(fresh).equals(readFileSync(join(here, "../static/ui/app.css")))) {
    console.error("src/pilothouse/ui/static/ui/app.css is stale: run `npm run css` and commit it.");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
