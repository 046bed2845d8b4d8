import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { q } from "../../api/query.ts";
import { JobEditor } from "./JobEditor.tsx";

export default function EditJobPage() {
  const { jobId } = useParams({ from: "/frame/jobs/$jobId/edit" });
  const job = useSuspenseQuery(q("jobRead", { params: { job_id: jobId } })).data;
  // What is being edited stays what it was; whoever changed it meanwhile is noticed by its revision when it is saved.
  const [begun] = useState(job);
  return <JobEditor job={begun} />;
}
