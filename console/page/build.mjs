// Builds `dist/` from `src/`. The same sources always give the same bytes, so `ci/console` can compare them.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const out = process.argv[2] ?? "dist";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await build({
  entryPoints: { console: "src/main.tsx" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  assetNames: "[name]",
  loader: { ".woff2": "file" },
  logLevel: "warning",
});
copyFileSync("src/index.html", `${out}/index.html`);
copyFileSync("src/icon.svg", `${out}/icon.svg`);
const notices = ["preact", "uplot", "@fontsource-variable/inter"].map((name) => {
  const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").replaceAll("\r\n", "\n").trim();
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  return `${name} ${version}\n\n${text}\n`;
});
writeFileSync(`${out}/NOTICE.txt`, notices.join("\n----\n\n"));
