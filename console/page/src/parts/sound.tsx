// The sound of the pager: off until somebody switches it on, which the browser remembers.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const KEY = "picus-console-sound";
/** How often it rings until somebody acknowledges. */
const EVERY_MS = 5000;
let context: AudioContext | undefined;
let on = localStorage.getItem(KEY) === "on";

/** Two short tones. A browser that plays nothing yet, because nobody has clicked on the page, stays silent. */
function ring() {
  context ??= new AudioContext();
  void context.resume();
  for (const [at, hertz] of [[0, 880], [0.22, 660]] as const) {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const from = context.currentTime + at;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.12, from);
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.2);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(from + 0.2);
  }
}

/** Rings as long as this is true, if the sound is on. */
export function useRing(rings: boolean): void {
  useEffect(() => {
    if (!rings) return;
    const tell = () => on && ring();
    tell();
    const timer = setInterval(tell, EVERY_MS);
    return () => clearInterval(timer);
  }, [rings]);
}

export function SoundSwitch(): JSX.Element {
  const [shown, show] = useState(on);
  return (
    <button type="button" aria-pressed={shown} onClick={() => {
      on = !on;
      localStorage.setItem(KEY, on ? "on" : "off");
      show(on);
      if (on) ring();
    }}>Sound {shown ? "on" : "off"}</button>
  );
}
