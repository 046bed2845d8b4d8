import { clsx } from "clsx";
import { useId, type ComponentProps, type ReactNode } from "react";

const CONTROL =
  "w-full rounded-md border border-n7 bg-n0 px-2.5 text-n10 placeholder:text-n8 aria-invalid:border-bad max-md:text-[16px]";

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly problem?: string | undefined;
}

export function Field({
  label,
  hint,
  problem,
  children,
}: FieldProps & {
  children: (ids: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": true | undefined;
  }) => ReactNode;
}) {
  const id = useId();
  const note = problem ?? hint;
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      {children({
        id,
        "aria-describedby": note === undefined ? undefined : `${id}-note`,
        "aria-invalid": problem === undefined ? undefined : true,
      })}
      {note === undefined ? null : (
        <p id={`${id}-note`} className={clsx("text-sm", problem === undefined ? "text-n8" : "text-bad")}>
          {note}
        </p>
      )}
    </div>
  );
}

export function TextField({
  label,
  hint,
  problem,
  className,
  ...rest
}: FieldProps & ComponentProps<"input">) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(ids) => <input {...ids} {...rest} className={clsx(CONTROL, "h-8 max-md:h-10", className)} />}
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  problem,
  className,
  ...rest
}: FieldProps & ComponentProps<"textarea">) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(ids) => <textarea rows={3} {...ids} {...rest} className={clsx(CONTROL, "py-1.5", className)} />}
    </Field>
  );
}

export function SelectField({
  label,
  hint,
  problem,
  className,
  children,
  ...rest
}: FieldProps & ComponentProps<"select">) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(ids) => (
        <select {...ids} {...rest} className={clsx(CONTROL, "h-8 pr-7 max-md:h-10", className)}>
          {children}
        </select>
      )}
    </Field>
  );
}
