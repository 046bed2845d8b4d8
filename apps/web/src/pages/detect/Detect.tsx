import { FileUp } from "lucide-react";
import { useState } from "react";
import { bytes } from "../../lib/units.ts";
import { oneOf } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { SelectField, TextArea } from "../../ui/Field.tsx";
import { Page } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { DetectVerdict } from "./DetectVerdict.tsx";
import { useDetection } from "./useDetection.ts";

const SENSITIVITIES = ["low", "medium", "high"] as const;
const PASTED = "the pasted text";

/** The detector over a saved log, in this browser: nothing is sent anywhere. */
export default function DetectPage() {
  const { detection, detect } = useDetection();
  const [text, setText] = useState("");
  const [sensitivity, setSensitivity] = useState<(typeof SENSITIVITIES)[number]>("medium");
  const [isOver, setIsOver] = useState(false);
  const readFile = (file: File | undefined) => {
    if (file !== undefined) detect(file.name, { file, sensitivity });
  };
  return (
    <Page
      title="Look into a saved log"
      sentence="Tells whether it shows a loop, a stall, a retry storm, a runaway or an agent in circles, since which line, and why. It is read in this browser; nothing of it is sent anywhere."
    >
      <div className="flex max-w-[980px] flex-col gap-5">
        <div className="grid gap-4 md:grid-cols-[minmax(0,1fr)_220px]">
          {/* Files may be dropped here; the button inside does the same for the keyboard. */}
          <div
            onDragOver={(event) => {
              event.preventDefault();
              setIsOver(true);
            }}
            onDragLeave={() => setIsOver(false)}
            onDrop={(event) => {
              event.preventDefault();
              setIsOver(false);
              readFile(event.dataTransfer.files[0]);
            }}
            className={`flex min-h-24 flex-wrap items-center gap-3 rounded-md border border-dashed px-4 py-4 ${isOver ? "border-accent bg-accent-soft" : "border-n6"}`}
          >
            <label
              className={buttonClass(
                "primary",
                "cursor-pointer focus-within:outline-2 focus-within:outline-offset-1 focus-within:outline-accent",
              )}
            >
              <FileUp size={16} aria-hidden="true" />
              Choose a file
              <input
                type="file"
                className="sr-only"
                onChange={(event) => {
                  readFile(event.target.files?.[0]);
                  // The same file may be chosen again, with another sensitivity.
                  event.target.value = "";
                }}
              />
            </label>
            <span className="text-n8">or drop one here, of any size</span>
          </div>
          <SelectField
            label="Sensitivity"
            value={sensitivity}
            onChange={(event) => setSensitivity(oneOf(event.target.value, SENSITIVITIES) ?? sensitivity)}
          >
            {SENSITIVITIES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </SelectField>
        </div>
        <form
          className="flex flex-col gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (text !== "") detect(PASTED, { file: new Blob([text]), sensitivity });
          }}
        >
          <TextArea
            label="Or paste it"
            rows={5}
            spellCheck={false}
            className="font-mono text-sm"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div>
            <Button type="submit" whyNot={text === "" ? "Paste some lines first." : undefined}>
              Look into it
            </Button>
          </div>
        </form>
        {detection.kind === "reading" ? (
          <div className="flex max-w-[520px] flex-col gap-1">
            <progress
              aria-label="Read so far"
              value={detection.bytes}
              max={Math.max(1, detection.of)}
              className="h-2 w-full overflow-hidden rounded-sm bg-n3 [&::-moz-progress-bar]:bg-accent-fill [&::-webkit-progress-bar]:bg-n3 [&::-webkit-progress-value]:bg-accent-fill"
            />
            <p className="text-sm text-n8">
              {bytes(detection.bytes)} of {bytes(detection.of)} of {detection.name}
            </p>
          </div>
        ) : null}
        {detection.kind === "failed" ? (
          <p role="alert" className="flex items-baseline gap-2">
            <StateShape tone="bad" /> It could not be read: {detection.reason}
          </p>
        ) : null}
        {detection.kind === "done" ? (
          <DetectVerdict name={detection.name} size={detection.of} answer={detection.answer} />
        ) : null}
      </div>
    </Page>
  );
}
