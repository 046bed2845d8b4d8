import type { ReactNode } from "react";
import { Logo } from "../../frame/Logo.tsx";

/** A page without the frame: one thing in the middle. */
export function Alone({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="flex min-h-dvh items-center justify-center bg-n1 p-4">
      <div className="flex w-full max-w-[400px] flex-col gap-5 rounded-lg border border-n4 bg-n0 p-7 max-md:p-5">
        <div className="flex items-center gap-2.5 text-lg font-semibold tracking-tight">
          <Logo size={24} />
          Flowplane
        </div>
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {children}
      </div>
    </main>
  );
}
