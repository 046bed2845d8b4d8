import type { ReactNode } from "react";

interface PageProps {
  readonly title: ReactNode;
  /** The one true sentence the page opens with. */
  readonly sentence?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A page that scrolls as a whole. */
export function Page({ title, sentence, actions, children }: PageProps) {
  return (
    <div className="h-full overflow-y-auto">
      <div className="flex max-w-[1240px] flex-col gap-6 px-6 py-5 max-md:gap-5 max-md:px-4 max-md:py-4">
        <PageHead title={title} sentence={sentence} actions={actions} />
        {children}
      </div>
    </div>
  );
}

/** A page whose list or log fills the height and scrolls by itself. */
export function FullPage({ title, sentence, actions, children }: PageProps) {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="px-6 pt-5 pb-3 max-md:px-4 max-md:pt-4">
        <PageHead title={title} sentence={sentence} actions={actions} />
      </div>
      {children}
    </div>
  );
}

function PageHead({ title, sentence, actions }: Omit<PageProps, "children">) {
  return (
    <header className="flex flex-wrap items-start gap-x-4 gap-y-2">
      <div className={`min-w-0 flex-1 ${sentence === undefined ? "" : "basis-64"}`}>
        <h1 className="min-w-0 text-xl font-semibold tracking-tight break-words">{title}</h1>
        {sentence === undefined ? null : <p className="mt-0.5 max-w-[90ch] text-n9">{sentence}</p>}
      </div>
      {actions === undefined ? null : <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="flex min-w-0 flex-col gap-2">
      <div className="flex min-h-6 items-center gap-3">
        <h2 className="font-semibold">{title}</h2>
        {aside === undefined ? null : <div className="ml-auto text-sm text-n8">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** One sentence, one action, never a blank table. */
export function Empty({ children, action }: { children: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-3 rounded-md border border-dashed border-n5 px-5 py-6">
      <p className="max-w-[68ch] text-n9">{children}</p>
      {action}
    </div>
  );
}

/** Name and value pairs, aligned. */
export function Facts({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-[minmax(110px,max-content)_minmax(0,1fr)] gap-x-5 gap-y-1.5">{children}</dl>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-n8">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
