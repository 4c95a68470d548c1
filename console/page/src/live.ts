// What the server tells by itself: the state, and each alarm that changes. A restart of the system is survived.
import { useEffect, useState } from "preact/hooks";
import type { AlarmState, State } from "./api.ts";
import { get } from "./api.ts";

export interface AlarmChange { minute: number; at: number; alarm: string; from: AlarmState; to: AlarmState; reason: string }

interface Live { state: State | null; connected: boolean; changes: AlarmChange[] }

/** How long a change of an alarm stays on the page. */
const SHOWN_MS = 12_000;

let live: Live = { state: null, connected: false, changes: [] };
const listeners = new Set<() => void>();

function tell(change: Partial<Live>) {
  live = { ...live, ...change };
  listeners.forEach((told) => told());
}

/** A control's answer is the new state: it need not come a second time. */
export const adopt = (state: State): void => tell({ state });
export const dismiss = (change: AlarmChange): void => tell({ changes: live.changes.filter((other) => other !== change) });

export function connect(): void {
  const events = new EventSource("/api/events");
  events.addEventListener("open", () => tell({ connected: true }));
  events.addEventListener("state", (event) => tell({ state: JSON.parse(event.data) as State, connected: true }));
  events.addEventListener("alarm", (event) => {
    const change = JSON.parse(event.data) as AlarmChange;
    tell({ changes: [...live.changes.filter((other) => other.alarm !== change.alarm), change].slice(-4) });
    setTimeout(() => dismiss(change), SHOWN_MS);
  });
  events.addEventListener("error", () => {
    tell({ connected: false });
    // The browser connects again by itself, unless it was refused outright.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  });
}

export function useLive(): Live {
  const [, again] = useState(0);
  useEffect(() => {
    const told = () => again((count) => count + 1);
    listeners.add(told);
    return () => void listeners.delete(told);
  }, []);
  return live;
}

export interface Loaded<T> { value: T | null; error: string | null; loading: boolean }

/** Asks for `path` now, and again whenever it or `stamp` changes. What was shown stays until the new answer is here. */
export function useLoaded<T>(
  path: string | null,
  parameters: Record<string, string | number | null | undefined> = {},
  stamp: unknown = null,
): Loaded<T> {
  const key = JSON.stringify([path, parameters]);
  const [held, hold] = useState<Loaded<T> & { key: string }>({ value: null, error: null, loading: true, key });
  useEffect(() => {
    if (path === null) return;
    let wanted = true;
    get<T>(path, parameters).then(
      (value) => wanted && hold({ value, error: null, loading: false, key }),
      (error: Error) => wanted && hold((before) => ({ value: before.key === key ? before.value : null, error: error.message, loading: false, key })),
    );
    return () => {
      wanted = false;
    };
  }, [key, stamp]);
  const other = held.key.slice(0, held.key.indexOf(",")) !== key.slice(0, key.indexOf(","));
  return other ? { value: null, error: null, loading: path !== null } : held;
}
