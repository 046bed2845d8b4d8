import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { IconButton } from "./Button.tsx";
import { say } from "./announce.ts";

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    const done = await copyText(text);
    say(done ? "Copied" : "Copying was refused by the browser");
    setCopied(done);
    window.setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <IconButton
      label={copied ? "Copied" : label}
      onClick={() => void copy()}
      className="relative z-10 size-6! max-md:size-9!"
    >
      {copied ? <Check size={14} /> : <CopyIcon size={14} />}
    </IconButton>
  );
}

/** A short form of an id; the whole of it is copied. */
export function ShortId({ id, label }: { id: string; label: string }) {
  return (
    <span className="inline-flex items-center gap-0.5 font-mono text-sm text-n9">
      <span title={id}>{id.length > 13 ? `…${id.slice(-8)}` : id}</span>
      <CopyButton text={id} label={`Copy ${label}`} />
    </span>
  );
}

/** A command or secret in full, with its copy button. */
export function CopyBlock({ text, label }: { text: string; label: string }) {
  return (
    <div className="flex items-start gap-1 rounded-md border border-n4 bg-n1 p-1 pl-3">
      <pre
        // Long lines scroll, so the block must be reachable by keyboard.
        tabIndex={0}
        aria-label={label}
        role="region"
        className={`min-w-0 flex-1 overflow-x-auto py-1 font-mono text-sm ${text.includes("\n") ? "whitespace-pre" : "break-all whitespace-pre-wrap"}`}
      >
        {text}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}

/** The clipboard interface exists only on https and localhost; elsewhere the old command does it. */
async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard === undefined) return copyBySelection(text);
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return copyBySelection(text);
    throw error;
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  const host = document.querySelector("[role=dialog]") ?? document.body;
  host.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
