import { useState } from "react";
import { SELECTOR_CHARS_MAX } from "@flowplane/contract";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { whyNoName, type ConfigurationText } from "./configurationText.ts";

interface OverlayDialogProps {
  readonly text: ConfigurationText;
  /** The overlay that is to be renamed; without one another is added. */
  readonly renames?: string | undefined;
  readonly onDone: (overlay: { name: string; selector: string }) => void;
  readonly onClose: () => void;
}

/** The name of an overlay, and of a new one also for whom it is. Its text is written in the editor. */
export function OverlayDialog({ text, renames, onDone, onClose }: OverlayDialogProps) {
  const [name, setName] = useState(renames ?? "");
  const [selector, setSelector] = useState("");
  const whyNotName = whyNoName(text, name, renames);
  const whyNot =
    whyNotName ??
    (renames === undefined && selector.trim() === "" ? "Say for which agents it is." : undefined);
  return (
    <Dialog
      title={renames === undefined ? "Add an overlay" : `Rename ${renames}`}
      {...(renames === undefined
        ? {
            description:
              "A text for some agents. It is laid on the base: maps become one, lists and values are replaced.",
          }
        : {})}
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined) onDone({ name, selector: selector.trim() });
        }}
      >
        <TextField
          label="Name"
          placeholder="berlin"
          autoComplete="off"
          spellCheck={false}
          value={name}
          problem={name === "" ? undefined : whyNotName}
          onChange={(event) => setName(event.target.value.trim())}
        />
        {renames === undefined ? (
          <TextField
            label="For agents where"
            placeholder='site == "berlin"'
            hint={
              'CEL over one agent, as for rollouts: labels.env == "prod", os == "linux" && site == "berlin"'
            }
            autoComplete="off"
            spellCheck={false}
            maxLength={SELECTOR_CHARS_MAX}
            className="font-mono"
            value={selector}
            onChange={(event) => setSelector(event.target.value)}
          />
        ) : null}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" whyNot={whyNot}>
            {renames === undefined ? "Add" : "Rename"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
