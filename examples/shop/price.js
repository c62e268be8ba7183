export const total = (prices) => prices.reduce((sum, price) => sum + price, 0);

export const discount = (price, percent) => price - (price * percent) / 100;
