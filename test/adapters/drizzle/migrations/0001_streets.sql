INSERT INTO `towns` (`name`) VALUES ('Oslo');
--> statement-breakpoint
CREATE TABLE `streets` (`id` integer PRIMARY KEY, `name` text, `town` integer REFERENCES `towns`(`id`) ON DELETE cascade);
--> statement-breakpoint
INSERT INTO `streets` (`name`, `town`) VALUES ('Karl', 1);
