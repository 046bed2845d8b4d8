/** Shown by the router only when loading takes longer than 150 ms. */
export function PageSkeleton() {
  return (
    <div
      role="status"
      aria-label="Loading"
      className="flex animate-skeleton flex-col gap-6 px-6 py-5 max-md:px-4"
    >
      <div className="h-6 w-44 rounded-md bg-n3" />
      <Rows count={8} />
    </div>
  );
}

export function Rows({ count }: { count: number }) {
  return (
    <div className="flex flex-col gap-3">
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className="h-4 rounded-sm bg-n2" style={{ width: `${92 - ((index * 17) % 40)}%` }} />
      ))}
    </div>
  );
}
