import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { JobState } from "../api/types.ts";

/** Where a job stands. */
export function StateBadge({ state }: { readonly state: JobState }): JSX.Element {
  return <span class={`badge ${state}`}>{state}</span>;
}

/** What went wrong, read out at once. */
export function Problem({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <p class="alert" role="alert">
      {children}
    </p>
  );
}

/** Something is on its way. */
export function Waiting({ what }: { readonly what: string }): JSX.Element {
  return <p class="soft">Loading {what} …</p>;
}

/** A button that asks once more before it does something that cannot be undone, and forgets that it has asked when it is left. */
export function SureButton(props: { readonly label: string; readonly sure: string; readonly onSure: () => void }): JSX.Element {
  const { label, sure, onSure } = props;
  const [asked, setAsked] = useState(false);
  return (
    <button
      type="button"
      class={asked ? "danger" : undefined}
      onBlur={() => setAsked(false)}
      onClick={() => (asked ? onSure() : setAsked(true))}
    >
      {asked ? sure : label}
    </button>
  );
}

/** What may be wider than the page, and is scrolled by itself. */
export function Scrolled({ label, children }: { readonly label: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** A text with a button that puts it on the clipboard. */
export function Copied({ text, label }: { readonly text: string; readonly label: string }): JSX.Element {
  const [said, setSaid] = useState("");
  async function copy(): Promise<void> {
    // A page that was not fetched from this machine or over TLS has no clipboard.
    const done = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setSaid(done ? "Copied" : "Select the text and copy it");
  }
  return (
    <div class="copied">
      <Scrolled label={label}>
        <pre>
          <code>{text.split(" ").map((word, i) => [i > 0 && " ", <span class="whole">{word}</span>])}</code>
        </pre>
      </Scrolled>
      <button type="button" onClick={() => void copy()}>
        Copy
      </button>
      <span class="soft" role="status">
        {said}
      </span>
    </div>
  );
}
