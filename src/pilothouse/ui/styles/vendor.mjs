// Copies what we serve from npm packages: the variable Inter (with its licence) and Alpine's CSP build.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "../../../../node_modules");
const served = join(here, "../static/ui");
const files = [
  ["@alpinejs/csp/dist/cdn.min.js", "vendor/alpine-csp.min.js"],
  ["@fontsource-variable/inter/LICENSE", "fonts/LICENSE"],
  ...["latin", "latin-ext", "cyrillic", "cyrillic-ext"].map((script) => [
    `@fontsource-variable/inter/files/inter-${script}-wght-normal.woff2`,
    `fonts/inter-${script}.woff2`,
  ]),
];

for (const [from, to] of files) {
  mkdirSync(dirname(join(served, to)), { recursive: true });
  copyFileSync(join(modules, from), join(served, to));
}
