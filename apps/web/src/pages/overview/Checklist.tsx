import { useNavigate } from "@tanstack/react-router";
import type { Overview } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Section } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";

/** The first steps on a new installation; each ticks itself when it has happened. */
export function Checklist({ done }: { done: Overview["checklist"] }) {
  const navigate = useNavigate();
  const mayNotAdd = useMayNot("token:write");
  const mayNotRun = useMayNot("run:write");
  const steps = [
    {
      isDone: done.agent_enrolled,
      title: "Enrol an agent",
      text: "A small process on a machine of yours that connects outward.",
      action: (
        <Button whyNot={mayNotAdd} onClick={() => void navigate(paths.addAgent("linux"))}>
          Add an agent
        </Button>
      ),
    },
    {
      isDone: done.first_run,
      title: "Run something",
      text: "Any command; its output appears while it runs.",
      action: (
        <Button whyNot={mayNotRun} onClick={() => void navigate(paths.launchRun())}>
          Launch a run
        </Button>
      ),
    },
    {
      isDone: done.first_collector,
      title: "Bring an OpenTelemetry Collector",
      text: "It needs nothing but an address and a token.",
      action: (
        <Button whyNot={mayNotAdd} onClick={() => void navigate(paths.addAgent("collector"))}>
          Add a collector
        </Button>
      ),
    },
  ];
  const count = steps.filter(({ isDone }) => isDone).length;
  return (
    <Section title="First steps" aside={`${count} of ${steps.length} done`}>
      <ol className="flex flex-col overflow-hidden rounded-md border border-n4">
        {steps.map(({ isDone, title, text, action }) => (
          <li
            key={title}
            className="flex min-h-14 items-center gap-3 border-t border-n4 px-4 py-2 first:border-t-0"
          >
            <StateShape tone={isDone ? "ok" : "off"} />
            <div className="min-w-0 flex-1">
              <p className={isDone ? "text-n8" : "font-medium"}>
                {title}
                <span className="sr-only">{isDone ? " (done)" : ""}</span>
              </p>
              <p className="text-sm text-n8">{text}</p>
            </div>
            {isDone ? <span className="text-sm text-n8">done</span> : action}
          </li>
        ))}
      </ol>
      {done.agent_enrolled ? (
        <p className="text-sm text-n8">
          Prefer a terminal? <code className="font-mono">npx flowplane run -- echo hello</code> does the same.
        </p>
      ) : null}
    </Section>
  );
}
