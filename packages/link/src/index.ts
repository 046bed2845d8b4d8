export const packageName = "@flowplane/link";
