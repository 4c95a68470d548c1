// Dashboards: those of the repository, and any other body that is dropped in, on the data at hand.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Dashboard, Json, State } from "../api.ts";
import { post } from "../api.ts";
import { plural } from "../format.ts";
import { useLoaded } from "../live.ts";
import { RangeTool } from "../parts/range.tsx";
import { Failure, Heading, Loading, Shape } from "../parts/state.tsx";
import { WidgetCard } from "../parts/widget.tsx";
import { useRange } from "../range.ts";
import type { Route } from "../route.ts";
import { address, go } from "../route.ts";

interface Dropped { name: string; body: Json | null; error: string | null }
/** It stays while one looks at other views, but not longer than the page. */
let held: Dropped | null = null;
const DROPPED = "dropped";

async function read(file: File): Promise<Dropped> {
  try {
    return { name: file.name, body: JSON.parse(await file.text()) as Json, error: null };
  } catch (error) {
    return { name: file.name, body: null, error: `The file ${file.name} is not JSON: ${(error as Error).message}` };
  }
}

function useDrawn(dropped: Dropped | null, minutes: number, until: number | null, stamp: number) {
  const [drawn, draw] = useState<{ of: Dropped | null; value: Dashboard | null; error: string | null }>({ of: null, value: null, error: null });
  useEffect(() => {
    if (!dropped?.body) return;
    let wanted = true;
    post<Dashboard>("/api/dashboards", { body: dropped.body, minutes, ...(until === null ? {} : { until }) }).then(
      (value) => wanted && draw({ of: dropped, value, error: null }),
      (error: Error) => wanted && draw({ of: dropped, value: null, error: error.message }),
    );
    return () => {
      wanted = false;
    };
  }, [dropped, minutes, until, stamp]);
  return drawn.of === dropped ? drawn : { value: null, error: null };
}

export function Dashboards({ route, state }: { route: Route; state: State }): JSX.Element {
  const { minutes, until } = useRange();
  const [dropped, setDropped] = useState(held);
  const [over, setOver] = useState(false);
  const file = useRef<HTMLInputElement>(null);
  const names = useLoaded<{ dashboards: { name: string }[] }>("/api/dashboards");
  const name = route.name ?? names.value?.dashboards[0]?.name ?? null;
  const isDropped = name === DROPPED;
  const path = name && !isDropped ? `/api/dashboards/${encodeURIComponent(name)}` : null;
  const ours = useLoaded<Dashboard>(path, { minutes, until }, state.minute);
  const theirs = useDrawn(isDropped ? dropped : null, minutes, until, state.minute);
  const shown = isDropped ? theirs.value : ours.value;
  const error = isDropped ? dropped?.error ?? theirs.error : ours.error ?? names.error;
  const take = async (files: FileList | null | undefined) => {
    const first = files?.[0];
    if (!first) return;
    held = await read(first);
    setDropped(held);
    go(address("dashboards", DROPPED));
  };
  return (
    <div class={over ? "drop-zone is-over" : "drop-zone"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => event.currentTarget === event.target && setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void take(event.dataTransfer?.files);
      }}>
      <Heading title="Dashboards" lead="The bodies in dashboards/, on this system's data. Drop any other CloudWatch body here to see it on the same data.">
        <RangeTool state={state} />
        <input class="unseen" type="file" accept=".json,application/json" ref={file} aria-label="A dashboard's body" tabIndex={-1}
          onChange={(event) => void take(event.currentTarget.files)} />
        <button type="button" onClick={() => file.current?.click()}>Open a body …</button>
      </Heading>
      <nav class="tabs" aria-label="Dashboards">
        {names.value?.dashboards.map((one) => (
          <a key={one.name} class="tab" href={address("dashboards", one.name)} aria-current={one.name === name ? "page" : undefined}>{one.name}</a>
        ))}
        {dropped ? <a class="tab" href={address("dashboards", DROPPED)} aria-current={isDropped ? "page" : undefined}>{dropped.name}</a> : null}
      </nav>
      {error ? <Failure error={error} /> : null}
      {isDropped && !dropped ? <Failure error="A body that was dropped in is gone once the page is loaded again. Drop it in once more." /> : null}
      {shown?.problems.length ? (
        <section class="problems" aria-labelledby="problems">
          <h2 id="problems"><Shape tone="warn" />{plural(shown.problems.length, "problem")} in this body</h2>
          <ul>{shown.problems.map((problem) => <li key={problem}>{problem}</li>)}</ul>
        </section>
      ) : null}
      {shown ? (
        <div class="grid-24">{shown.widgets.map((widget, index) => <WidgetCard key={`${name} ${index}`} widget={widget} times={shown.times} />)}</div>
      ) : error || (isDropped && !dropped) ? null : <Loading lines={8} />}
    </div>
  );
}
