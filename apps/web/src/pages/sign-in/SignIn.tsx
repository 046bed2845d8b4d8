import { useMutation } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { requestMagicLink } from "../../api/auth.ts";
import { Button } from "../../ui/Button.tsx";
import { TextField } from "../../ui/Field.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Alone } from "./Alone.tsx";
import { backTo, signInProblem } from "./signInText.ts";

export default function SignInPage() {
  const { to, error } = useSearch({ from: "/sign-in" });
  const [email, setEmail] = useState("");
  const send = useMutation({
    mutationFn: async () => {
      const problem = await requestMagicLink(email.trim(), backTo(to));
      if (problem !== undefined) throw new Error(problem);
    },
  });
  const problem =
    send.error?.message ?? (error === undefined || send.isSuccess ? undefined : signInProblem(error));
  return (
    <Alone title="Sign in">
      {problem === undefined ? null : (
        <p role="alert" className="flex items-baseline gap-2 rounded-md bg-bad-soft px-3 py-2">
          <StateShape tone="bad" /> <span>{problem}</span>
        </p>
      )}
      {send.isSuccess ? (
        <div role="status" className="flex flex-col gap-3">
          <p>
            If <strong className="font-medium break-all">{email.trim()}</strong> is a member here, a link is
            on its way. It signs in once and is good for a few minutes.
          </p>
          <Button onClick={() => send.reset()}>Use another address</Button>
        </div>
      ) : (
        <form
          className="flex flex-col gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            if (!send.isPending) send.mutate();
          }}
        >
          <TextField
            label="E-mail"
            type="email"
            autoComplete="email"
            required
            autoFocus
            className="h-9"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <Button type="submit" look="primary" busy={send.isPending} className="h-9">
            Send me a sign-in link
          </Button>
        </form>
      )}
      <div className="flex flex-col gap-2 border-t border-n4 pt-4 text-sm text-n9">
        <p className="font-medium text-n10">No mail set up? Ask the machine it runs on.</p>
        <p>
          <code className="rounded-sm bg-n2 px-1 font-mono">flowplane up</code> prints a one-time link each
          time it starts, and <code className="rounded-sm bg-n2 px-1 font-mono">flowplane members link</code>{" "}
          prints a new one there.
        </p>
        <p>An admin can also make a link for you under Members.</p>
      </div>
    </Alone>
  );
}
