export const programName = "flowplane-server";
