export const programName = "flowplane-agent";
