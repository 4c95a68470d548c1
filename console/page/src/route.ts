// The address of what is shown: `#/traces/1-…?route=/picus/put`. The server knows `/` only.
import { useEffect, useState } from "preact/hooks";

export interface Route { view: string; name: string | null; query: URLSearchParams }

const listeners = new Set<() => void>();
addEventListener("hashchange", () => listeners.forEach((told) => told()));

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...rest] = path.split("/");
  const name = rest.length ? decodeURIComponent(rest.join("/")) : null;
  return { view: view || "overview", name: name || null, query: new URLSearchParams(query) };
}

export function address(view: string, name?: string | null, query: Record<string, string | number | null> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const parameters = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  const path = name ? `#/${view}/${encodeURIComponent(name)}` : `#/${view}`;
  return given.length ? `${path}?${parameters}` : path;
}

export function useRoute(): Route {
  const [hash, set] = useState(location.hash);
  useEffect(() => {
    const told = () => set(location.hash);
    listeners.add(told);
    return () => void listeners.delete(told);
  }, []);
  return parse(hash);
}

/** The traces of a chart's minute: from the end of the minute before to its own. */
export function tracesOf(times: number[], index: number): string {
  const until = times[index] ?? 0;
  return address("traces", null, { from: times[index - 1] ?? until - 60_000, until });
}

/** Goes to an address, without a step back for each letter of a filter that is typed. */
export function go(to: string, replace = false): void {
  if (!replace) location.hash = to;
  else {
    history.replaceState(null, "", to);
    listeners.forEach((told) => told());
  }
}
