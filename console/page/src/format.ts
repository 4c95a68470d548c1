// Numbers with sensible digits, times in the reader's zone.

/** At most `digits` digits that say something, with thousands apart; `–` where nothing was measured. */
export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${number(value / 1e9, digits)} G`;
  if (size >= 1e6) return `${number(value / 1e6, digits)} M`;
  if (size >= 10_000) return `${number(value / 1000, digits)} k`;
  if (size >= 1000) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(digits)));
}

/** A share of a hundred. What is close to 100 keeps the digits that tell it from 100. */
export function percent(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const digits = value > 99 && value < 100 ? 4 : 3;
  return `${number(value, digits)} %`;
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 1) return `${number(value * 1000)} µs`;
  if (value < 1000) return `${number(value)} ms`;
  return `${number(value / 1000)} s`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;

const two = (value: number) => String(value).padStart(2, "0");

/** Hours, minutes and seconds, in the reader's zone. */
export function clock(at: number): string {
  const time = new Date(at);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

export const clockWithMilliseconds = (at: number): string =>
  `${clock(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;

export const utc = (at: number): string => `${new Date(at).toISOString().replace("T", " ").slice(0, 23)} UTC`;

/** What a field or a cell shows. */
export function text(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : number(value, 4);
  return typeof value === "string" ? value : JSON.stringify(value);
}
