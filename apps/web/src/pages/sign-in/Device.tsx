import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { decideDevice, readDeviceCode } from "../../api/auth.ts";
import { useMe } from "../../api/me.ts";
import { Button } from "../../ui/Button.tsx";
import { TextField } from "../../ui/Field.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Alone } from "./Alone.tsx";

/** `flowplane login` shows a code and waits; here its person says whether that was them. */
export default function DevicePage() {
  const { user_code: code } = useSearch({ from: "/device" });
  return (
    <Alone title="Sign in a device">
      {code === undefined ? <AskForCode /> : <Decide key={code} code={code} />}
    </Alone>
  );
}

function AskForCode() {
  const navigate = useNavigate();
  const [code, setCode] = useState("");
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ to: "/device", search: { user_code: code.trim().toUpperCase() } });
      }}
    >
      <TextField
        label="Code"
        hint="The code your terminal shows."
        autoFocus
        required
        autoComplete="off"
        spellCheck={false}
        className="h-10 font-mono text-lg tracking-widest uppercase"
        value={code}
        onChange={(event) => setCode(event.target.value)}
      />
      <Button
        type="submit"
        look="primary"
        className="h-9"
        whyNot={code.trim() === "" ? "Enter the code first." : undefined}
      >
        Go on
      </Button>
    </form>
  );
}

function Decide({ code }: { code: string }) {
  const me = useMe();
  const read = useQuery({
    queryKey: ["deviceCode", code],
    queryFn: () => readDeviceCode(code),
    staleTime: Infinity,
  });
  const decide = useMutation({
    mutationFn: async (decision: "approve" | "deny") => {
      const problem = await decideDevice(code, decision);
      if (problem !== undefined) throw new Error(problem);
      return decision;
    },
  });
  if (read.data === undefined) return <p className="text-n8">Reading the code…</p>;
  const problem = decide.error?.message ?? ("problem" in read.data ? read.data.problem : undefined);
  const decided =
    decide.data ?? ("problem" in read.data || read.data.status === "pending" ? undefined : read.data.status);
  if (decided !== undefined) {
    const isIn = decided === "approve" || decided === "approved";
    return (
      <p role="status" className="flex items-baseline gap-2">
        <StateShape tone={isIn ? "ok" : "off"} />
        {isIn
          ? "The device is signed in. You can close this page and go on in the terminal."
          : "Refused. The device is not signed in."}
      </p>
    );
  }
  return (
    <div className="flex flex-col gap-4">
      <p className="rounded-md bg-n2 py-3 text-center font-mono text-xl tracking-widest">{code}</p>
      {problem === undefined ? (
        <p className="text-n9">
          A terminal asks to act as{" "}
          <strong className="font-medium text-n10">{me.email ?? me.actor.name}</strong> in{" "}
          {me.organization.name}. Approve only if your own terminal shows this very code right now.
        </p>
      ) : (
        <p role="alert" className="flex items-baseline gap-2 rounded-md bg-bad-soft px-3 py-2">
          <StateShape tone="bad" />
          <span>{problem} Run “flowplane login” again for a fresh code.</span>
        </p>
      )}
      <div className="flex gap-2">
        <Button
          look="primary"
          className="h-9 flex-1"
          busy={decide.isPending}
          whyNot={"problem" in read.data ? "This code cannot be approved." : undefined}
          onClick={() => decide.mutate("approve")}
        >
          Approve
        </Button>
        <Button className="h-9 flex-1" busy={decide.isPending} onClick={() => decide.mutate("deny")}>
          That was not me
        </Button>
      </div>
    </div>
  );
}
