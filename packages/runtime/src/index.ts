export const packageName = "@flowplane/runtime";
