// The page that wakes somebody who practises. It stays on every view until it is acknowledged; then a line leads back.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PracticeRun } from "../api.ts";
import { post } from "../api.ts";
import { address } from "../route.ts";
import { useRing } from "./sound.tsx";
import { Shape } from "./state.tsx";

export function Pager({ run, rings, away }: { run: PracticeRun; rings: boolean; away: boolean }): JSX.Element | null {
  const [error, setError] = useState<string | null>(null);
  useRing(rings);
  if (!rings && !away) return null;
  const acknowledge = () => void post("/api/practice/acknowledge", {}).then(() => setError(null), (failed: Error) => setError(failed.message));
  return (
    <div class={`pager ${rings ? "rings" : ""}`} role={rings ? "alert" : "status"} data-pager={rings ? "rings" : "quiet"}>
      <Shape tone={rings ? "alarm" : "none"} />
      <strong>{rings ? `You are paged: an alarm went on in minute ${run.paged_minute}` : "You practise"}</strong>
      {error ? <span class="tone-alarm">{error}</span> : null}
      <span class="tools">
        {rings ? <button type="button" class="primary" onClick={acknowledge}>Acknowledge</button> : null}
        {away ? <a class="button" href={address("practice")}>Back to the practice</a> : null}
      </span>
    </div>
  );
}
