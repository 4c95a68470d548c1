// States, each by shape, colour and word.
import type { ComponentChildren, JSX } from "preact";
import type { AlarmState, Health } from "../api.ts";
import { clock, clockWithMilliseconds, utc } from "../format.ts";
import { Icon } from "./icons.tsx";

export type Tone = "ok" | "warn" | "alarm" | "none";

const SHAPES: Record<Tone, JSX.Element> = {
  ok: <path d="M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm3.4 4.8-4.1 4.6a.8.8 0 0 1-1.1 0L4.5 9.2l1.1-1.1 1.1 1.1 3.6-4z" />,
  warn: <path d="M8 1.2 14.8 8 8 14.8 1.2 8zM7.2 4.8l.2 4h1.2l.2-4zm.1 5.2v1.5h1.4V10z" />,
  alarm: <path d="M8 1.5 15 14H1zM7.2 6l.2 4h1.2l.2-4zm.1 5v1.4h1.4V11z" />,
  none: <path d="M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM5 7.3h6v1.4H5z" />,
};

export const Shape = ({ tone }: { tone: Tone }): JSX.Element => (
  <svg class={`shape tone-${tone}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
    <g fill="currentColor" fill-rule="evenodd">{SHAPES[tone]}</g>
  </svg>
);

export const Badge = ({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element => (
  <span class={`badge tone-${tone}`}>
    <Shape tone={tone} />
    {children}
  </span>
);

const OF_ALARM: Record<AlarmState, [Tone, string]> = {
  OK: ["ok", "OK"],
  ALARM: ["alarm", "In alarm"],
  INSUFFICIENT_DATA: ["none", "No data"],
};
export const toneOf = (state: AlarmState | null): Tone => (state ? OF_ALARM[state][0] : "none");
export const wordOf = (state: AlarmState | null): string => (state ? OF_ALARM[state][1] : "No such alarm");
export const AlarmBadge = ({ state }: { state: AlarmState | null }): JSX.Element => (
  <Badge tone={toneOf(state)}>{wordOf(state)}</Badge>
);

export const toneOfHealth = (health: Health): Tone =>
  ({ ok: "ok", degraded: "warn", down: "alarm", unknown: "none" } as const)[health];

export const Status = ({ status, failed }: { status: number | null; failed?: boolean }): JSX.Element => {
  const tone: Tone = failed || (status ?? 0) >= 500 ? "alarm" : status === null ? "none" : status >= 400 ? "warn" : "ok";
  return <Badge tone={tone}>{status ?? "none"}</Badge>;
};

/** A time in the reader's zone, with UTC when pointed at. */
export const Time = ({ at, fine }: { at: number; fine?: boolean }): JSX.Element => (
  <time dateTime={new Date(at).toISOString()} title={utc(at)}>{fine ? clockWithMilliseconds(at) : clock(at)}</time>
);

/** What stands where there is nothing to show: what it is, and what to do. */
export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element => (
  <div class="empty">
    <Icon name="info" />
    <div>
      <strong>{title}</strong>
      {children ? <p>{children}</p> : null}
    </div>
  </div>
);

export const Failure = ({ error }: { error: string }): JSX.Element => (
  <div class="failure" role="alert">
    <Shape tone="alarm" />
    <div>
      <strong>This could not be shown</strong>
      <p>{error}</p>
    </div>
  </div>
);

export const Loading = ({ lines = 3 }: { lines?: number }): JSX.Element => (
  <div class="loading" role="status" aria-label="Loading">
    {Array.from({ length: lines }, (_, line) => <span key={line} />)}
  </div>
);

/** A view's heading, with what belongs beside it. */
export const Heading = ({ title, lead, children }: { title: string; lead?: ComponentChildren; children?: ComponentChildren }): JSX.Element => (
  <header class="heading">
    <div>
      <h1>{title}</h1>
      {lead ? <p>{lead}</p> : null}
    </div>
    {children ? <div class="tools">{children}</div> : null}
  </header>
);
