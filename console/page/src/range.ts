// Which minutes the views show: how many, and up to which one. `until` is null as long as they follow the clock.
import { useEffect, useState } from "preact/hooks";

export interface Range { minutes: number; until: number | null }

let range: Range = { minutes: 60, until: null };
const listeners = new Set<() => void>();

export function setRange(change: Partial<Range>): void {
  range = { ...range, ...change };
  listeners.forEach((told) => told());
}

export function useRange(): Range {
  const [, again] = useState(0);
  useEffect(() => {
    const told = () => again((count) => count + 1);
    listeners.add(told);
    return () => void listeners.delete(told);
  }, []);
  return range;
}
