var cloud = createSprite(0, 100);
var drizzle = createSprite(0, 140);
function draw() {
  background("gray");
  cloud.velocityX = 2;
  drizzle.velocityX = cloud.velocityX;
  drizzle.y = drizzle.y + 4;
  if (drizzle.y > 400) {
    drizzle.y = 140;
  }
  drawSprites();
}
