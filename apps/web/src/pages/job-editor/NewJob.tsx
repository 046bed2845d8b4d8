import { JobEditor } from "./JobEditor.tsx";

export default function NewJobPage() {
  return <JobEditor job={undefined} />;
}
