// Measures what the page costs, for docs/CONSOLE.md: the system's CPU for a request with the page open and closed, and
// how long the page's main thread is blocked while ten thousand requests a second are recorded.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import type { Given } from "./given.ts";
import { given } from "./given.ts";

const TICKS_A_SECOND = 100;
const ROUNDS = 9;
const pause = (seconds: number) => new Promise((done) => setTimeout(done, seconds * 1000));

/** The CPU seconds of a process and of those that it started (proc(5)). */
function cpu(root: number): number {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return [{ pid: Number(pid), parent: Number(fields[1]), spent: Number(fields[11]) + Number(fields[12]) }];
    } catch {
      return []; // It has ended.
    }
  });
  return all.filter(({ pid, parent }) => pid === root || parent === root).reduce((sum, { spent }) => sum + spent, 0) / TICKS_A_SECOND;
}

const sent = async (system: Given) => {
  const { clients } = await (await fetch(`${system.base}/api/overview?minutes=1440`)).json() as { clients: { sent: number } };
  return clients.sent;
};

/** Milliseconds of CPU a request, over whole minutes of CloudWatch's, and requests a second. */
async function cost(system: Given): Promise<{ each: number; rate: number }> {
  await nextMinute(system);
  const [before, requests, begun] = [cpu(system.pid()), await sent(system), Date.now()];
  await nextMinute(system);
  await nextMinute(system);
  const count = (await sent(system)) - requests;
  return { each: (1000 * (cpu(system.pid()) - before)) / count, rate: (1000 * count) / (Date.now() - begun) };
}

async function nextMinute(system: Given) {
  const { minute } = await system.state();
  while ((await system.state()).minute === minute) await pause(0.1);
}

/** Turn by turn, so that what else the machine does concerns both. The browser runs all the time: its own CPU does not count, but it takes room from the system's. */
async function openAndClosed(system: Given) {
  await system.post("/api/traffic", { level: "flood" });
  const page = await system.page();
  for (const view of ["overview", "dashboards/service"]) {
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await page.goto("about:blank");
      await pause(2);
      const closed = await cost(system);
      await page.goto(`${system.base}/#/${view}`);
      await pause(2);
      const open = await cost(system);
      ratios.push(open.each / closed.each);
      console.log(`${view}: ${closed.each.toFixed(2)} ms of CPU a request closed, ${open.each.toFixed(2)} ms open, ${Math.round(open.rate)} requests a second`);
    }
    const [low, median, high] = [1, Math.floor(ROUNDS / 2), ROUNDS - 2].map((at) => ratios.toSorted((a, b) => a - b)[at]!.toFixed(3));
    console.log(`${view}: open / closed = ${median} (median of ${ROUNDS}; all but the extremes: ${low} to ${high})`);
  }
  await page.context().close();
}

async function blocked(system: Given, base: string) {
  const page = await system.page();
  await page.addInitScript(`
    window.long = [];
    new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
  `);
  for (const view of ["overview", "dashboards/service", "alarms/picus-availability-page", "traces", "logs"]) {
    await page.goto("about:blank");
    await page.goto(`${base}/#/${view}`);
    await page.waitForSelector("main h1");
    await pause(3);
    await page.evaluate("window.long = []");
    await pause(10);
    const long = await page.evaluate("window.long") as number[];
    console.log(`${view}: ${long.length} tasks over 50 ms in 10 s, the longest ${Math.round(Math.max(0, ...long))} ms, together ${Math.round(long.reduce((a, b) => a + b, 0))} ms`);
  }
}

/** The console of the test that feeds it. */
async function busy(): Promise<[ChildProcess, string]> {
  const child = spawn(process.env["BUSY"]!, ["--ignored", "--nocapture", "a_console_is_told_of_ten_thousand_requests_a_second"], { stdio: ["ignore", "pipe", "inherit"] });
  return [child, await new Promise<string>((found) => {
    child.stdout!.on("data", (data: Buffer) => {
      const address = /console (\S+)/.exec(data.toString())?.[1];
      if (address) found(`http://${address}`);
      if (data.toString().includes("told of")) console.log(data.toString().trim());
    });
  })];
}

const system = await given();
if (process.argv[2] !== "blocked") await openAndClosed(system);
await system.post("/api/traffic", { level: "none" });
const [child, base] = await busy();
await pause(10);
await blocked(system, base);
child.kill("SIGINT");
await system.stop();
