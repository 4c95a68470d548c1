// The range of minutes that a view shows, and the way back in time.
import type { JSX } from "preact";
import type { State } from "../api.ts";
import { setRange, useRange } from "../range.ts";

const RANGES: [number, string][] = [[15, "15 minutes"], [30, "30 minutes"], [60, "1 hour"], [180, "3 hours"], [720, "12 hours"], [1440, "1 day"]];

export function RangeTool({ state }: { state: State }): JSX.Element {
  const { minutes, until } = useRange();
  const oldest = Math.min(state.minute, state.oldest_minute + 1);
  return (
    <div class="range">
      <label>
        <span class="unseen">Range</span>
        <select value={minutes} onChange={(event) => setRange({ minutes: Number(event.currentTarget.value) })}>
          {RANGES.map(([value, title]) => <option key={value} value={value}>Last {title}</option>)}
        </select>
      </label>
      <label class="range">
        <span class="label">Until</span>
        <input type="range" min={oldest} max={state.minute} value={until ?? state.minute} aria-valuetext={until === null ? "now" : `minute ${until}`}
          onInput={(event) => {
            const value = Number(event.currentTarget.value);
            setRange({ until: value >= state.minute ? null : value });
          }} />
      </label>
      {until === null ? <span class="muted">now</span> : (
        <button type="button" onClick={() => setRange({ until: null })}>Minute {until} · back to now</button>
      )}
    </div>
  );
}
