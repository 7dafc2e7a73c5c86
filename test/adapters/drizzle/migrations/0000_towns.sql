CREATE TABLE `towns` (
	`id` integer PRIMARY KEY NOT NULL,
	`name` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `towns_name_unique` ON `towns` (`name`);
